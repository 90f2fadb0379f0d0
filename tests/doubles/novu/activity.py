"""What was sent: notifications, their messages, and the inbox of a subscriber."""

from __future__ import annotations

from novu_py import models

from tests.doubles.novu.frame import Call, Refusal, Told, error
from tests.doubles.novu.world import ENVIRONMENT_ID, ORGANIZATION_ID

PAGE = 10
PAGE_MAX = 50


def _page(asked, rows):
    page, limit = int(float(asked.first("page", 0))), int(float(asked.first("limit", PAGE)))
    limit = min(limit, PAGE_MAX)
    shown = rows[page * limit : (page + 1) * limit]
    more = len(rows) > (page + 1) * limit
    return {"hasMore": more, "data": shown, "pageSize": limit, "page": page}


def _wanted(world, asked, by_subscriber):
    transactions, subscribers = asked.query.get("transactionId"), asked.query.get(by_subscriber)
    return [
        each
        for each in world.visible()
        if (not transactions or each.transaction_id in transactions)
        and (not subscribers or each.subscriber_id in subscribers)
    ]


def _row(world, notification):
    subscriber = world.subscribers.get(notification.subscriber_id)
    row = {
        "_id": notification.id,
        "_environmentId": ENVIRONMENT_ID,
        "_organizationId": ORGANIZATION_ID,
        "_subscriberId": subscriber["_id"] if subscriber else world.new_id(),
        "transactionId": notification.transaction_id,
        "createdAt": notification.created_at,
        "updatedAt": notification.created_at,
        "channels": list(notification.channels),
        "template": {"name": notification.workflow, "triggers": []},
        "payload": notification.payload,
        "to": {"subscriberId": notification.subscriber_id},
        "jobs": [],
    }
    if subscriber:
        row["subscriber"] = {
            "_id": subscriber["_id"],
            "subscriberId": notification.subscriber_id,
            "email": subscriber.get("email") or "",
        }
    return row


def notifications(world, asked):
    """List notifications, newest first."""
    rows = [_row(world, each) for each in reversed(_wanted(world, asked, "subscriberIds"))]
    return Told(200, _page(asked, rows))


def notification(world, asked):
    """Show one."""
    for each in world.visible():
        if each.id == asked.arguments[0]:
            return Told(200, _row(world, each))
    raise Refusal(error(asked, 404, "Notification not found"))


def messages(world, asked):
    """List the messages that notifications sent, one for each channel."""
    rows = [
        {
            "_id": each.id,
            "_environmentId": ENVIRONMENT_ID,
            "_organizationId": ORGANIZATION_ID,
            "_notificationId": each.id,
            "_subscriberId": each.id,
            "createdAt": each.created_at,
            "transactionId": each.transaction_id,
            "channel": channel,
            "read": False,
            "seen": False,
            "cta": {"data": {}},
            "status": "sent",
        }
        for each in reversed(_wanted(world, asked, "subscriberId"))
        for channel in each.channels
    ]
    return Told(200, _page(asked, rows))


def inbox(world, asked):
    """List what the inbox of a subscriber shows."""
    (subscriber_id,) = asked.arguments
    if subscriber_id not in world.subscribers:
        raise Refusal(error(asked, 404, "Subscriber not found"))
    rows = [
        {
            "id": each.id,
            "transactionId": each.transaction_id,
            "body": str(each.payload.get("body", "")),
            "to": {"id": world.subscribers[subscriber_id]["_id"], "subscriberId": subscriber_id},
            "isRead": False,
            "isSeen": False,
            "isArchived": False,
            "isSnoozed": False,
            "createdAt": each.created_at,
            "channelType": "in_app",
            "severity": "none",
        }
        for each in reversed(world.visible())
        if each.subscriber_id == subscriber_id and "in_app" in each.channels
    ]
    limit = int(asked.first("limit", PAGE))
    return Told(200, {"data": rows[:limit], "hasMore": len(rows) > limit, "filter": {}})


CALLS = [
    Call(
        "GET",
        "/v1/notifications",
        notifications,
        gives={200: models.ActivitiesResponseDto},
        is_page=True,
    ),
    Call(
        "GET",
        "/v1/notifications/{notificationId}",
        notification,
        gives={200: models.ActivityNotificationResponseDto},
    ),
    Call("GET", "/v1/messages", messages, gives={200: models.MessagesResponseDto}, is_page=True),
    Call(
        "GET",
        "/v2/subscribers/{subscriberId}/notifications",
        inbox,
        gives={200: models.GetSubscriberNotificationsResponseDto},
        is_page=True,
    ),
]
