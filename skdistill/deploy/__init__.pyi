from skdistill._utils._document import SavedFileError as SavedFileError
from skdistill._utils.numpy_student import NumpyStudent as NumpyStudent
from skdistill.deploy._export import ExportReport as ExportReport
from skdistill.deploy._export import export as export
from skdistill.deploy._save import save as save
from skdistill.deploy._stream import Stream as Stream
from skdistill.fused._fuse import fuse as fuse
from skdistill.fused._fused import FusedStudent as FusedStudent
