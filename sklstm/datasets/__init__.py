"""Small real data sets, and generators of the synthetic tasks of the LSTM literature."""

from sklstm.datasets._copy_memory import make_copy_memory
from sklstm.datasets._course_events import make_course_events
from sklstm.datasets._economy import load_oil_price, load_us_economy
from sklstm.datasets._embedded_reber import make_embedded_reber
from sklstm.datasets._japanese_vowels import load_japanese_vowels
from sklstm.datasets._liver_records import load_liver_records
from sklstm.datasets._long_lag import make_long_lag
from sklstm.datasets._marked_pairs import make_adding, make_multiplication
from sklstm.datasets._mauna_loa import load_mauna_loa
from sklstm.datasets._series import load_air_passengers, load_bike_rentals, load_sunspots
from sklstm.datasets._surnames import load_surnames
from sklstm.datasets._tecator import load_tecator
from sklstm.datasets._temporal_order import make_temporal_order
from sklstm.datasets._two_sequence import make_two_sequence

__all__ = [
    "load_air_passengers",
    "load_bike_rentals",
    "load_japanese_vowels",
    "load_liver_records",
    "load_mauna_loa",
    "load_oil_price",
    "load_sunspots",
    "load_surnames",
    "load_tecator",
    "load_us_economy",
    "make_adding",
    "make_copy_memory",
    "make_course_events",
    "make_embedded_reber",
    "make_long_lag",
    "make_multiplication",
    "make_temporal_order",
    "make_two_sequence",
]
