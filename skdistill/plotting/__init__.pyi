from skdistill.plotting._forecast import ForecastDisplay as ForecastDisplay
from skdistill.plotting._history import HistoryDisplay as HistoryDisplay
from skdistill.plotting._horizon_error import HorizonErrorDisplay as HorizonErrorDisplay
from skdistill.plotting._report import write_report as write_report
from skdistill.plotting._scales import ScalesDisplay as ScalesDisplay
from skdistill.plotting._spectrum import SpectrumDisplay as SpectrumDisplay
from skdistill.plotting._trade_off import TradeOffDisplay as TradeOffDisplay
from skdistill.plotting._win_rate import WinRateDisplay as WinRateDisplay
