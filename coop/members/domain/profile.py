"""Who a cooperative and its members are on paper: names, addresses, tax numbers, bank account.

A profile counts from a day on, until a later one does; none is ever changed, so that a document
says what held on the day it was issued. What is checked here: countries and their codes, VAT
numbers with their check digits (where the country's are known), IBAN and BIC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

import pycountry
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from stdnum import exceptions as stdnum_errors
from stdnum import get_cc_module

from coop.kernel.errors import InvalidValue
from coop.members.domain.people import require_email, require_text
from coop.members.errors import IbanInvalid, VatIdInvalid

LINES_MAX: Final = 4
LINE_MAX: Final = 100
NOTE_MAX: Final = 500
DAYS_MAX: Final = 365
TAXES_MAX: Final = 4
PERCENT_MAX: Final = 100
# VAT numbers begin with the country of ISO 3166, but for these.
_COUNTRY_OF: Final = {"EL": "gr", "XI": "gb"}
_CODE: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_VAT_ID: Final = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,28}", re.ASCII)
_LOCALE: Final = re.compile(r"[a-z]{2}([_-][A-Z]{2})?", re.ASCII)


class ProfileTax(NamedTuple):
    """A tax charged where nothing else is said: 25 percent of VAT."""

    name: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody is: `lines` before the postal code, `country` as ISO 3166-1 alpha-2."""

    lines: tuple[str, ...]
    postal_code: str
    city: str
    country: str


@dataclass(frozen=True, slots=True)
class CooperativeProfile:
    """The cooperative as its documents name it.

    `vat_id` is its VAT number with the country before it, `tax_number` the national one of who has
    none. `exemption` is the sentence that says why no tax is charged where none is (small business,
    activity outside the tax), with the provision. `note` closes every document. Days are counted
    from the day of issue.
    """

    legal_name: str
    address: Address
    register_number: str | None = None
    vat_id: str | None = None
    tax_number: str | None = None
    email: str | None = None
    phone: str | None = None
    iban: str | None = None
    bic: str | None = None
    payment_days: int = 14
    dispute_days: int = 60
    taxes: tuple[ProfileTax, ...] = ()
    exemption: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class MemberProfile:
    """A member as documents name it; `buyer_reference` is what its own books ask us to quote."""

    legal_name: str
    address: Address
    vat_id: str | None = None
    email: str | None = None
    buyer_reference: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class SetCooperative:
    """A cooperative's profile as it was set: from when on it counts, by whom, when."""

    id: UUID
    from_on: date
    set_by: str
    set_at: datetime
    profile: CooperativeProfile


@dataclass(frozen=True, slots=True)
class SetMember:
    """A member's profile as it was set."""

    id: UUID
    from_on: date
    set_by: str
    set_at: datetime
    profile: MemberProfile


def sound_cooperative(profile: CooperativeProfile) -> CooperativeProfile:
    """The profile with numbers written compactly.

    Refuses INVALID_VALUE, VAT_ID_INVALID, IBAN_INVALID.
    """
    for field in ("payment_days", "dispute_days"):
        if not 0 <= getattr(profile, field) <= DAYS_MAX:
            raise InvalidValue(f"Terms are 0 to {DAYS_MAX} days.", (field,))
    return CooperativeProfile(
        legal_name=require_text(profile.legal_name, "legal_name"),
        address=_sound_address(profile.address),
        register_number=_optional(profile.register_number, "register_number"),
        vat_id=compact_vat_id(profile.vat_id),
        tax_number=_optional(profile.tax_number, "tax_number"),
        email=require_email(profile.email),
        phone=_optional(profile.phone, "phone"),
        iban=compact_iban(profile.iban),
        bic=_compact_bic(profile.bic),
        payment_days=profile.payment_days,
        dispute_days=profile.dispute_days,
        taxes=_sound_taxes(profile.taxes),
        exemption=_optional(profile.exemption, "exemption", NOTE_MAX),
        note=_optional(profile.note, "note", NOTE_MAX),
    )


def sound_member(profile: MemberProfile) -> MemberProfile:
    """The profile with its VAT number written compactly. Refuses INVALID_VALUE, VAT_ID_INVALID."""
    if profile.locale is not None and not _LOCALE.fullmatch(profile.locale):
        raise InvalidValue("A locale is written as nb or de_CH.", ("locale",))
    return MemberProfile(
        legal_name=require_text(profile.legal_name, "legal_name"),
        address=_sound_address(profile.address),
        vat_id=compact_vat_id(profile.vat_id),
        email=require_email(profile.email),
        buyer_reference=_optional(profile.buyer_reference, "buyer_reference"),
        locale=profile.locale.replace("-", "_") if profile.locale else None,
    )


def compact_vat_id(text: str | None) -> str | None:
    """A VAT number with its country before it and nothing between: NO974760673MVA.

    Refuses VAT_ID_INVALID: no country before it, or check digits that do not fit. A country whose
    numbers are unknown here is taken at its word.
    """
    if text is None:
        return None
    plain = re.sub(r"[\s.\-/]", "", text).upper()
    if not _VAT_ID.fullmatch(plain):
        raise VatIdInvalid("A VAT number begins with its country: DE136695976.", ("vat_id",))
    prefix, number = plain[:2], plain[2:]
    checks = get_cc_module(_COUNTRY_OF.get(prefix, prefix.lower()), "vat")
    if checks is None:
        require_country(prefix, "vat_id")
        return plain
    try:
        # Swiss numbers carry their country as a part of them.
        checks.validate(plain if prefix == "CH" else number)
    except stdnum_errors.ValidationError:
        raise VatIdInvalid(f"{plain} is no VAT number of {prefix}.", ("vat_id",)) from None
    return plain


def compact_iban(text: str | None) -> str | None:
    """An IBAN without blanks. Refuses IBAN_INVALID when its check digits do not fit."""
    if text is None:
        return None
    try:
        return str(IBAN(text).compact)
    except SchwiftyException:
        raise IbanInvalid("That is no IBAN: its check digits do not fit.", ("iban",)) from None


def _compact_bic(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(BIC(text).compact)
    except SchwiftyException:
        raise IbanInvalid("That is no BIC.", ("bic",)) from None


def require_country(code: str, field: str = "country") -> str:
    """`code` as it is. Refuses INVALID_VALUE for what is not in ISO 3166-1 alpha-2."""
    if not _CODE.fullmatch(code) or pycountry.countries.get(alpha_2=code) is None:
        raise InvalidValue(f'"{code}" is not a country of ISO 3166-1 such as NO.', (field,))
    return code


def _sound_address(address: Address) -> Address:
    if not 0 < len(address.lines) <= LINES_MAX:
        raise InvalidValue(f"An address has 1 to {LINES_MAX} lines.", ("lines",))
    return Address(
        tuple(require_text(line, "lines", LINE_MAX) for line in address.lines),
        require_text(address.postal_code, "postal_code", 20),
        require_text(address.city, "city", LINE_MAX),
        require_country(address.country),
    )


def _sound_taxes(taxes: tuple[ProfileTax, ...]) -> tuple[ProfileTax, ...]:
    if len(taxes) > TAXES_MAX or len({tax.name for tax in taxes}) < len(taxes):
        raise InvalidValue(f"At most {TAXES_MAX} taxes, each named once.", ("taxes",))
    for tax in taxes:
        require_text(tax.name, "taxes", 40)
        if not tax.percent.is_finite() or not 0 <= tax.percent <= PERCENT_MAX:
            raise InvalidValue("A tax is 0 to 100 percent.", ("taxes",))
    return tuple(sorted(taxes))


def _optional(text: str | None, field: str, longest: int = LINE_MAX) -> str | None:
    return None if text is None else require_text(text, field, longest)
