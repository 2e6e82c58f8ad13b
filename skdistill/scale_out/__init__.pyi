from skdistill.scale_out._predict import predict as predict
