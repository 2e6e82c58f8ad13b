from skdistill.data._augmentation import Augmentation as Augmentation
from skdistill.data._square_root import SquareRoot as SquareRoot
from skdistill.data._vintages import Vintages as Vintages
