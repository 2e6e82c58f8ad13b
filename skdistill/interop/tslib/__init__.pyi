from skdistill.interop.tslib._load import from_tslib as from_tslib
