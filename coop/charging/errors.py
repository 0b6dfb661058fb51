"""How charging says no.

Refusal
├── HubTaken                      HUB_REF_TAKEN
├── PortTaken                     PORT_REF_TAKEN
├── TariffTaken                   TARIFF_TAKEN
├── InterruptionUnderway          INTERRUPTION_UNDERWAY
├── InterruptionOver              INTERRUPTION_OVER
├── TokenHeld                     TOKEN_HELD
├── TariffInvalid                 TARIFF_INVALID; the path names the field of the document
│   ├── TariffCurrencyWrong       TARIFF_CURRENCY
│   ├── TariffComponentUnknown    TARIFF_COMPONENT_UNKNOWN
│   ├── TariffPriceNegative       TARIFF_PRICE_NEGATIVE
│   ├── TariffPriceRange          TARIFF_PRICE_RANGE
│   ├── TariffRestrictionBroken   TARIFF_RESTRICTION
│   ├── TariffStepSize            TARIFF_STEP_SIZE
│   ├── TariffTaxInvalid          TARIFF_TAX
│   ├── TariffHole                TARIFF_HOLE
│   ├── TariffOverlap             TARIFF_OVERLAP
│   └── TariffTooComplex          TARIFF_TOO_COMPLEX
├── ImportRefused                 the whole file; nothing of it was read into the books
│   ├── MappingInvalid            MAPPING_INVALID
│   ├── ColumnMissing             MAPPING_COLUMN_MISSING
│   ├── FileWrongEncoding         FILE_ENCODING
│   ├── FileEmpty                 FILE_EMPTY
│   ├── FileTooLarge              FILE_TOO_LARGE
│   ├── FileMalformed             FILE_MALFORMED
│   └── ReportUnwritable          REPORT_UNWRITABLE
└── RowRefused                    one row or CDR; its neighbours go on (path[0] is the field)
    ├── RowRagged                 ROW_RAGGED
    ├── RowMalformed              ROW_MALFORMED
    ├── RowTooLong                ROW_TOO_LONG
    ├── FieldMissing              FIELD_MISSING
    ├── FieldInvalid              FIELD_INVALID
    ├── CurrencyUnknown           CURRENCY_UNKNOWN
    ├── CurrencyMismatch          CURRENCY_MISMATCH
    ├── HubUnknown                HUB_UNKNOWN
    ├── PriceMissing              PRICE_MISSING
    ├── CreditUnknown             CREDIT_REFERENCE_UNKNOWN
    ├── CreditMismatch            CREDIT_MISMATCH
    ├── SessionConflict           SESSION_CONFLICT
    └── Implausible               on the review list too: somebody should look at the meter
        ├── EndBeforeStart        END_BEFORE_START
        ├── TimeImplausible       TIME_IMPLAUSIBLE
        ├── DurationImplausible   DURATION_IMPLAUSIBLE
        ├── EnergyNegative        ENERGY_NEGATIVE
        ├── EnergyImplausible     ENERGY_IMPLAUSIBLE
        └── PartsDisagree         PARTS_DISAGREE

A row is also refused with the kernel's TIME_AMBIGUOUS, TIME_NONEXISTENT and INVALID_VALUE.
"""

from __future__ import annotations

from coop.kernel.errors import Refusal


class HubTaken(Refusal):
    """Another hub goes by this reference."""

    code = "HUB_REF_TAKEN"


class PortTaken(Refusal):
    """Another port of the hub goes by this reference."""

    code = "PORT_REF_TAKEN"


class TariffTaken(Refusal):
    """Another tariff counts there from that very instant on; it is corrected or stays."""

    code = "TARIFF_TAKEN"


class InterruptionUnderway(Refusal):
    """The same cause interrupts that port or hub already at that time."""

    code = "INTERRUPTION_UNDERWAY"


class InterruptionOver(Refusal):
    """Its end was recorded already, and an end that was recorded stays."""

    code = "INTERRUPTION_OVER"


class TokenHeld(Refusal):
    """The badge belongs to a member on some of those days."""

    code = "TOKEN_HELD"


class TariffInvalid(Refusal):
    """Not a tariff of OCPI 2.2.1; the path names the field."""

    code = "TARIFF_INVALID"


class TariffCurrencyWrong(TariffInvalid):
    """In a currency that does not exist, or not in the cooperative's."""

    code = "TARIFF_CURRENCY"


class TariffComponentUnknown(TariffInvalid):
    """A price for something that is not ENERGY, FLAT, TIME or PARKING_TIME (of it, there)."""

    code = "TARIFF_COMPONENT_UNKNOWN"


class TariffPriceNegative(TariffInvalid):
    """A price below nothing: credits are given by credits, not by prices."""

    code = "TARIFF_PRICE_NEGATIVE"


class TariffPriceRange(TariffInvalid):
    """A least price above the greatest, or one that is less after taxes than before."""

    code = "TARIFF_PRICE_RANGE"


class TariffRestrictionBroken(TariffInvalid):
    """A restriction nobody can meet, of another form, or that OCPI does not have."""

    code = "TARIFF_RESTRICTION"


class TariffStepSize(TariffInvalid):
    """Billed in blocks below nothing, of parts, or larger than any session."""

    code = "TARIFF_STEP_SIZE"


class TariffTaxInvalid(TariffInvalid):
    """A tax outside 0 to 100 percent, named twice, or stated as vat and as taxes."""

    code = "TARIFF_TAX"


class TariffHole(TariffInvalid):
    """Some charging that no element prices; what is to be free says so with a price of 0."""

    code = "TARIFF_HOLE"


class TariffOverlap(TariffInvalid):
    """A price that never counts, because those before it cover all of its cases."""

    code = "TARIFF_OVERLAP"


class TariffTooComplex(TariffInvalid):
    """So many restrictions across each other that nobody could say what a session costs."""

    code = "TARIFF_TOO_COMPLEX"


class ImportRefused(Refusal):
    """A file that is not read at all."""

    code = "IMPORT_REFUSED"


class MappingInvalid(ImportRefused):
    """The mapping file itself cannot be understood; the path names the setting."""

    code = "MAPPING_INVALID"


class ColumnMissing(ImportRefused):
    """The mapping names a column that the file does not have (or has twice)."""

    code = "MAPPING_COLUMN_MISSING"


class FileWrongEncoding(ImportRefused):
    """The file is not written in the encoding that the mapping names."""

    code = "FILE_ENCODING"


class FileEmpty(ImportRefused):
    """There is not even a header."""

    code = "FILE_EMPTY"


class FileTooLarge(ImportRefused):
    """More bytes than an import may have."""

    code = "FILE_TOO_LARGE"


class FileMalformed(ImportRefused):
    """A JSON document that breaks off or is not JSON."""

    code = "FILE_MALFORMED"


class ReportUnwritable(ImportRefused):
    """There is no place for the correction report, so refused rows would be lost."""

    code = "REPORT_UNWRITABLE"


class RowRefused(Refusal):
    """One row that is not accepted."""

    code = "ROW_REFUSED"


class RowRagged(RowRefused):
    """More or fewer cells than the header has."""

    code = "ROW_RAGGED"


class RowMalformed(RowRefused):
    """No reading splits it into cells (a quote left open, a NUL), or it is not a JSON object."""

    code = "ROW_MALFORMED"


class RowTooLong(RowRefused):
    """One line, or one CDR, larger than any real one."""

    code = "ROW_TOO_LONG"


class FieldMissing(RowRefused):
    """A field a session cannot do without is empty or absent."""

    code = "FIELD_MISSING"


class FieldInvalid(RowRefused):
    """A field holds what its type does not allow."""

    code = "FIELD_INVALID"


class CurrencyUnknown(RowRefused):
    """Not a currency of ISO 4217."""

    code = "CURRENCY_UNKNOWN"


class CurrencyMismatch(RowRefused):
    """A real currency, but not the cooperative's."""

    code = "CURRENCY_MISMATCH"


class HubUnknown(RowRefused):
    """No hub of the cooperative goes by this reference, and nothing says to register it."""

    code = "HUB_UNKNOWN"


class PriceMissing(RowRefused):
    """The hub had no price in force when the session started."""

    code = "PRICE_MISSING"


class CreditUnknown(RowRefused):
    """A credit CDR refers to a session that is not here, or that was credited already."""

    code = "CREDIT_REFERENCE_UNKNOWN"


class CreditMismatch(RowRefused):
    """A credit CDR does not repeat the data of the session it credits."""

    code = "CREDIT_MISMATCH"


class SessionConflict(RowRefused):
    """Another body under an identity that is taken: a CDR is immutable, neither replaces it."""

    code = "SESSION_CONFLICT"


class Implausible(RowRefused):
    """Well-formed, but it cannot have happened so; refused and put on the review list."""

    code = "IMPLAUSIBLE"


class EndBeforeStart(Implausible):
    """The session ends before it starts."""

    code = "END_BEFORE_START"


class TimeImplausible(Implausible):
    """Before there were sessions, or in the future."""

    code = "TIME_IMPLAUSIBLE"


class DurationImplausible(Implausible):
    """Longer than any session lasts."""

    code = "DURATION_IMPLAUSIBLE"


class EnergyNegative(Implausible):
    """Energy given back: there is no price for it, and a credit comes by reference."""

    code = "ENERGY_NEGATIVE"


class EnergyImplausible(Implausible):
    """More than the port can deliver in that time, or a meter's lifetime register."""

    code = "ENERGY_IMPLAUSIBLE"


class PartsDisagree(Implausible):
    """The periods of a CDR do not add up to its totals, beyond what rounding explains."""

    code = "PARTS_DISAGREE"
