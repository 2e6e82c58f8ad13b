from skdistill.scale_out._fit import fit as fit
from skdistill.scale_out._predict import predict as predict
