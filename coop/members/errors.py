"""What this room refuses.

Refusal
├── Unauthenticated            UNAUTHENTICATED: no bearer token came, or not one of ours
│   ├── TokenInvalid           TOKEN_INVALID: forged, malformed, for another audience, or unknown
│   ├── TokenExpired           TOKEN_EXPIRED: was good once
│   └── TokenRevoked           TOKEN_REVOKED: withdrawn by an administrator
├── KeysUnavailable            KEYS_UNAVAILABLE: the issuer's keys cannot be fetched, none are kept
├── DevelopmentRefused         DEVELOPMENT_REFUSED: the development issuer, beyond this machine
├── SlugInvalid                SLUG_INVALID
├── SlugTaken                  SLUG_TAKEN
├── MemberNumberInvalid        MEMBER_NUMBER_INVALID
├── MemberNumberTaken          MEMBER_NUMBER_TAKEN
├── MemberLeft                 MEMBER_LEFT: what was asked needs a member, and this one has left
├── LeavingInvalid             LEAVING_INVALID: leaving on or before the day of joining
├── RoleScopeInvalid           ROLE_SCOPE_INVALID: a role lacks its member, or names one it cannot
├── RoleHeld                   ROLE_HELD: the subject holds this role already in those days
├── RoleEnded                  ROLE_ENDED: an ended role is not ended later; it is granted anew
├── RolesIncompatible          ROLES_INCOMPATIBLE: two roles that no one person holds at once
├── RoleForOneself             ROLE_FOR_ONESELF: nobody grants a role to themselves
├── TokenScopeInvalid          TOKEN_SCOPE_INVALID: no scope, an unknown one, or no named grant
├── TokenTermInvalid           TOKEN_TERM_INVALID: an expiry in the past or beyond a year
├── VatIdInvalid               VAT_ID_INVALID: no country before it, or check digits that do not fit
└── IbanInvalid                IBAN_INVALID: an IBAN or BIC that cannot be one
"""

from __future__ import annotations

from coop.kernel.errors import Refusal


class Unauthenticated(Refusal):
    """Nobody we know: no bearer token, or not one that any trusted issuer makes."""

    code = "UNAUTHENTICATED"


class TokenInvalid(Unauthenticated):
    """A token that was never good here. The message never says which check failed first."""

    code = "TOKEN_INVALID"


class TokenExpired(Unauthenticated):
    """A token past its expiry; its holder asks for another."""

    code = "TOKEN_EXPIRED"


class TokenRevoked(Unauthenticated):
    """An opaque token that was withdrawn before its expiry."""

    code = "TOKEN_REVOKED"


class KeysUnavailable(Refusal):
    """The issuer's key set cannot be fetched, and no copy recent enough is kept."""

    code = "KEYS_UNAVAILABLE"


class DevelopmentRefused(Refusal):
    """The development issuer serves this machine only, and only when asked to."""

    code = "DEVELOPMENT_REFUSED"


class SlugInvalid(Refusal):
    """A slug is 2 to 40 of a-z, 0-9 and inner hyphens."""

    code = "SLUG_INVALID"


class SlugTaken(Refusal):
    """Another cooperative has this slug."""

    code = "SLUG_TAKEN"


class MemberNumberInvalid(Refusal):
    """A member number is 1 to 40 printable characters without spaces at its ends."""

    code = "MEMBER_NUMBER_INVALID"


class MemberNumberTaken(Refusal):
    """Another member of this cooperative has this number."""

    code = "MEMBER_NUMBER_TAKEN"


class MemberLeft(Refusal):
    """The member has left by then."""

    code = "MEMBER_LEFT"


class LeavingInvalid(Refusal):
    """A member leaves after the day it joined."""

    code = "LEAVING_INVALID"


class RoleScopeInvalid(Refusal):
    """An operator acts for one member, a grant administrator for one grant or all of them."""

    code = "ROLE_SCOPE_INVALID"


class RoleHeld(Refusal):
    """The subject holds this role, for the same member, in some of those days."""

    code = "ROLE_HELD"


class RoleEnded(Refusal):
    """The role has ended, or ends sooner; a later end would be a new grant."""

    code = "ROLE_ENDED"


class RolesIncompatible(Refusal):
    """Separation of duties: the subject holds a role that excludes this one in those days."""

    code = "ROLES_INCOMPATIBLE"


class RoleForOneself(Refusal):
    """Separation of duties: an administrator grants roles to others only."""

    code = "ROLE_FOR_ONESELF"


class TokenScopeInvalid(Refusal):
    """An access token names at least one known scope and at least one grant."""

    code = "TOKEN_SCOPE_INVALID"


class TokenTermInvalid(Refusal):
    """An access token expires, in the future and within a year."""

    code = "TOKEN_TERM_INVALID"


class VatIdInvalid(Refusal):
    """A VAT number that its country cannot have given."""

    code = "VAT_ID_INVALID"


class IbanInvalid(Refusal):
    """An IBAN or BIC that no bank can have given."""

    code = "IBAN_INVALID"
