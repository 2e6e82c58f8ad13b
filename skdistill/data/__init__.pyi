from skdistill.data._augmentation import Augmentation as Augmentation
