"""How cost sharing, plans, reservations and demand response say no (errors.py has the rest).

SharingRefused                  COST_SHARING_REFUSED
├── UtilityScheduleInvalid  UTILITY_SCHEDULE_INVALID
├── UtilityScheduleTaken    UTILITY_SCHEDULE_TAKEN
├── UtilityScheduleMissing  UTILITY_SCHEDULE_MISSING
├── UtilityBillInvalid      UTILITY_BILL_INVALID
├── UtilityBillRecorded     UTILITY_BILL_RECORDED
├── UtilityBillMissing      UTILITY_BILL_MISSING
├── SharingMethodUnknown    COST_SHARING_METHOD_UNKNOWN
├── SharingInvalid          COST_SHARING_INVALID
├── SharingRuleTaken        COST_SHARING_RULE_TAKEN
├── SharingRuleMissing      COST_SHARING_RULE_MISSING
├── LoadMissing             COST_SHARING_NO_LOAD
├── LossesNegative          COST_SHARING_LOSSES_NEGATIVE
├── ChargesMonthOpen        CHARGES_MONTH_OPEN
├── PlanInvalid             PLAN_INVALID
├── PlanUnknown             PLAN_UNKNOWN
├── SubscriptionInvalid     SUBSCRIPTION_INVALID
├── SubscriptionOverlaps    SUBSCRIPTION_OVERLAPS
├── SubscriptionEnded       SUBSCRIPTION_ENDED
├── ReservationInvalid      RESERVATION_INVALID
├── ReservationCancelled    RESERVATION_CANCELLED
└── DemandResponseInvalid   DEMAND_RESPONSE_INVALID
"""

from __future__ import annotations

from coop.kernel.errors import Refusal


class SharingRefused(Refusal):
    """Costs are not shared, a plan not kept, a reservation not charged."""

    code = "COST_SHARING_REFUSED"


class UtilityScheduleInvalid(SharingRefused):
    """A grid tariff that cannot be read, or that leaves a time without a price; the path says."""

    code = "UTILITY_SCHEDULE_INVALID"


class UtilityScheduleTaken(SharingRefused):
    """The hub has another schedule from that very day; one once set stays."""

    code = "UTILITY_SCHEDULE_TAKEN"


class UtilityScheduleMissing(SharingRefused):
    """No schedule of the grid is in force at the hub in that month."""

    code = "UTILITY_SCHEDULE_MISSING"


class UtilityBillInvalid(SharingRefused):
    """A grid bill with something below nothing, or of a month that has not ended."""

    code = "UTILITY_BILL_INVALID"


class UtilityBillRecorded(SharingRefused):
    """The hub's bill of that month is shared already, so it is not corrected any more."""

    code = "UTILITY_BILL_RECORDED"


class UtilityBillMissing(SharingRefused):
    """There is no bill of the hub and month whose cost could be shared."""

    code = "UTILITY_BILL_MISSING"


class SharingMethodUnknown(SharingRefused):
    """There is no such way of sharing a demand charge."""

    code = "COST_SHARING_METHOD_UNKNOWN"


class SharingInvalid(SharingRefused):
    """A parameter that the method does not have, or not so."""

    code = "COST_SHARING_INVALID"


class SharingRuleTaken(SharingRefused):
    """The hub has another rule from that very month; one once set stays."""

    code = "COST_SHARING_RULE_TAKEN"


class SharingRuleMissing(SharingRefused):
    """No rule of cost sharing is in force at the hub in that month."""

    code = "COST_SHARING_RULE_MISSING"


class LoadMissing(SharingRefused):
    """Nobody took anything at the hub, so nobody can bear its cost."""

    code = "COST_SHARING_NO_LOAD"


class LossesNegative(SharingRefused):
    """Members took more than the grid delivered, beyond what meters may differ."""

    code = "COST_SHARING_LOSSES_NEGATIVE"


class ChargesMonthOpen(SharingRefused):
    """The month has not ended, so what it costs is not known."""

    code = "CHARGES_MONTH_OPEN"


class PlanInvalid(SharingRefused):
    """A plan that cannot be; the path names what of it."""

    code = "PLAN_INVALID"


class PlanUnknown(SharingRefused):
    """The cooperative has no plan of that code."""

    code = "PLAN_UNKNOWN"


class SubscriptionInvalid(SharingRefused):
    """Days that no subscription can have: before the member joined, or none at all."""

    code = "SUBSCRIPTION_INVALID"


class SubscriptionOverlaps(SharingRefused):
    """The member has a plan of that kind on some of those days."""

    code = "SUBSCRIPTION_OVERLAPS"


class SubscriptionEnded(SharingRefused):
    """The subscription has an end that is no later, or a month it would lose is charged."""

    code = "SUBSCRIPTION_ENDED"


class ReservationInvalid(SharingRefused):
    """A reservation that cannot be; the path names what of it."""

    code = "RESERVATION_INVALID"


class ReservationCancelled(SharingRefused):
    """The reservation was cancelled before, or is over."""

    code = "RESERVATION_CANCELLED"


class DemandResponseInvalid(SharingRefused):
    """An event of demand response that cannot be; the path names what of it."""

    code = "DEMAND_RESPONSE_INVALID"
