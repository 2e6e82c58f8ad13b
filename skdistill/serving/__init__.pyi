from skdistill.serving._app import make_app as make_app
from skdistill.serving._limits import Limits as Limits
from skdistill.serving._server import serve as serve
