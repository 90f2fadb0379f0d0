"""What is said in each language: a title and a body for each message.

A masked name ends with a full stop, so no sentence ends with one of them.
``{amount}`` is money as the language writes it, ``{name}`` the masked name of the other person,
``{currency}`` the code of the account's currency.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Wording(NamedTuple):
    """A message in one language."""

    title: str
    body: str


_ENGLISH: Final = {
    "transfer.received": Wording("You received {amount}", "You received {amount}."),
    "transfer.received by name": Wording("You received {amount}", "{name} sent you {amount}."),
    "deposit": Wording("You received {amount}", "{amount} was paid in to your account."),
    "transfer.sent": Wording("You sent {amount}", "You sent {amount}."),
    "transfer.sent by name": Wording("You sent {amount}", "You sent {name} {amount}."),
    "transfer between own": Wording("You moved {amount}", "You moved {amount} between accounts."),
    "withdrawal": Wording("{amount} was paid out", "{amount} was paid out of your account."),
    "refund.received": Wording("You got {amount} back", "You received a refund of {amount}."),
    "refund.received by name": Wording("You got {amount} back", "{name} refunded you {amount}."),
    "hold.placed": Wording("{amount} is on hold", "{amount} is set aside for a payment."),
    "hold.captured": Wording(
        "{amount} was paid", "A payment of {amount} that was on hold is done."
    ),
    "hold.expired": Wording(
        "{amount} is free again", "A hold of {amount} has ended; you can use the money again."
    ),
    "account.frozen": Wording(
        "Your {currency} account is frozen",
        "Nothing can be paid out of your {currency} account; money can still come in.",
    ),
    "credential.changed": Wording(
        "Your sign-in details have changed",
        "If this was not you, change your password at once.",
    ),
    "credential.changed password": Wording(
        "Your password has changed", "If this was not you, ask for a new password at once."
    ),
    "credential.changed api_key": Wording(
        "An API key was made or deleted", "If this was not you, change your password at once."
    ),
    "credential.changed roles": Wording(
        "Your role has changed", "You may do more, or less, from your next sign-in on."
    ),
    "login.new": Wording(
        "New sign-in to your account", "If this was not you, change your password at once."
    ),
}

_VIETNAMESE: Final = {
    "transfer.received": Wording("Bạn đã nhận {amount}", "Bạn đã nhận được {amount}."),
    "transfer.received by name": Wording(
        "Bạn đã nhận {amount}", "{name} đã chuyển cho bạn {amount}."
    ),
    "deposit": Wording("Bạn đã nhận {amount}", "{amount} đã được nạp vào tài khoản của bạn."),
    "transfer.sent": Wording("Bạn đã chuyển {amount}", "Bạn đã chuyển {amount}."),
    "transfer.sent by name": Wording(
        "Bạn đã chuyển {amount}", "Bạn đã chuyển cho {name} {amount}."
    ),
    "transfer between own": Wording(
        "Bạn đã chuyển {amount}", "Bạn đã chuyển {amount} giữa các tài khoản của mình."
    ),
    "withdrawal": Wording("Bạn đã rút {amount}", "{amount} đã được rút khỏi tài khoản của bạn."),
    "refund.received": Wording("Bạn được hoàn {amount}", "Bạn đã được hoàn lại {amount}."),
    "refund.received by name": Wording(
        "Bạn được hoàn {amount}", "{name} đã hoàn lại cho bạn {amount}."
    ),
    "hold.placed": Wording(
        "{amount} đang được tạm giữ", "{amount} được tạm giữ cho một khoản thanh toán."
    ),
    "hold.captured": Wording(
        "Đã thanh toán {amount}", "Khoản tạm giữ {amount} đã được thanh toán."
    ),
    "hold.expired": Wording(
        "{amount} đã được giải phóng",
        "Khoản tạm giữ {amount} đã hết hạn; bạn có thể dùng lại số tiền này.",
    ),
    "account.frozen": Wording(
        "Tài khoản {currency} của bạn bị đóng băng",
        "Không thể chi tiền từ tài khoản {currency} của bạn; tiền vẫn có thể được nhận.",
    ),
    "credential.changed": Wording(
        "Thông tin đăng nhập của bạn đã thay đổi",
        "Nếu không phải bạn, hãy đổi mật khẩu ngay.",
    ),
    "credential.changed password": Wording(
        "Mật khẩu của bạn đã được đổi", "Nếu không phải bạn, hãy yêu cầu mật khẩu mới ngay."
    ),
    "credential.changed api_key": Wording(
        "Một khóa API đã được tạo hoặc xóa", "Nếu không phải bạn, hãy đổi mật khẩu ngay."
    ),
    "credential.changed roles": Wording(
        "Vai trò của bạn đã thay đổi", "Quyền của bạn sẽ khác kể từ lần đăng nhập tới."
    ),
    "login.new": Wording(
        "Có đăng nhập mới vào tài khoản", "Nếu không phải bạn, hãy đổi mật khẩu ngay."
    ),
}

WORDINGS: Final[Mapping[str, Mapping[str, Wording]]] = MappingProxyType(
    {"en": MappingProxyType(_ENGLISH), "vi": MappingProxyType(_VIETNAMESE)}
)
"""By language and message."""

LANGUAGES: Final = tuple(WORDINGS)
