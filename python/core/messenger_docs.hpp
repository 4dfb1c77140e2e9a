// The docstrings of messengers and messages, in the fields of reStructuredText.
#pragma once

#include <string>

namespace coproc_python::docs {

// ---- parameters and errors that several methods have ----

inline const std::string kData =
    ":param data: The object to send: anything that can be pickled, or with the codec 'msgpack' what MessagePack "
    "has.\n";
inline const std::string kChannel =
    ":param channel_id: The channel, any hashable object. None, the default, is the default channel.\n";
inline const std::string kPriority =
    ":param priority: A number; lower is more urgent. None, the default, stands for the attribute `priority` of the\n"
    "    data if that is a number, and otherwise for minus infinity, the most urgent.\n";
inline const std::string kSendTimeout =
    ":param timeout: The seconds for which the send waits while the link is full. None, the default: for ever.\n";
inline const std::string kReceiveTimeout =
    ":param timeout: The seconds to wait. None, the default: for ever; 0: look once.\n";
inline const std::string kSendErrors =
    ":raises TimeoutError: if the link was full for all of `timeout`\n"
    ":raises MessageTooLargeError: if the message is larger than `LinkOptions.max_message_bytes`\n"
    ":raises QueueFullError: if both sides wait in a send and their inboxes are full\n"
    ":raises LinkClosedError: if this messenger was closed or has called `send_end`\n"
    ":raises WorkerDiedError: if the send waits and the worker has ended; in a worker it is a HostDiedError, and at "
    "an\n"
    "    end of a pair a PeerClosedError\n"
    ":raises InterruptedError: if the send waits and `interrupt` is called\n";
inline const std::string kDataErrors =
    ":raises TypeError: if the channel cannot be hashed, or `priority` is not a number\n"
    ":raises ValueError: if the priority is NaN, or the name of the channel has more than 4096 bytes\n"
    ":raises Exception: what pickling the data, its attribute `priority` or the channel raises\n";
inline const std::string kChannelErrors = ":raises TypeError: if the channel cannot be hashed\n";
inline const std::string kEndErrors =
    ":raises EndOfMessages: if the other side has called `send_end` and everything before it was received\n"
    ":raises LinkClosedError: if this messenger was closed\n"
    ":raises WorkerDiedError: if the worker has ended and everything that it had sent was received; in a worker it is "
    "a\n"
    "    HostDiedError, and at an end of a pair a PeerClosedError\n"
    ":raises Exception: an exception that the other side has sent by `send_error`, or that has ended it\n";
/// The errors of calls that do not sleep.
inline const std::string kLookErrors =
    ":raises ResourceRequestedClose: once, if the other side has asked this one to close\n" + kEndErrors;
inline const std::string kReceiveErrors =
    ":raises TimeoutError: if nothing has arrived in this time\n"
    ":raises ResourceRequestedClose: once, if the other side has asked this one to close, and again whenever the call\n"
    "    would sleep after that\n" +
    kEndErrors +
    ":raises QueueFullError: if the inbox is full of other channels' messages\n"
    ":raises ConcurrentUseError: if another thread waits in this messenger\n"
    ":raises InterruptedError: if `interrupt` is called\n";

// ---- classes ----

inline const std::string kDataMessage =
    "A received message. The receives of a messenger make these objects; programs do not.";
inline const std::string kMessenger =
    "What all messengers have. Programs use PriorityMessenger or MultiMessenger.\n\n"
    "Every call raises NotOwnerError in a process that was forked from the one that uses the link, ProtocolError if "
    "the\n"
    "other side has broken the rules of the link, and OSError or MemoryError if the system refuses descriptors, "
    "address\n"
    "space or memory.\n";
inline const std::string kLinkEnd = "One end of a link that is not used yet and can go to another process.";

// ---- properties ----

inline const std::string kPayload =
    "The data that was sent. It is unpickled when this is read for the first time.\n\n"
    ":raises Exception: if the message is a reply by `reply_error_to`, its exception; or what unpickling raises\n";
inline const std::string kChannelId = "The channel, as it was given to the receive.";
inline const std::string kMessagePriority = "The priority, as a float. Minus infinity if the sender gave none.";
inline const std::string kRequestId =
    "Of a request or a reply: the id that `send_request` has returned to the sender of the request. Otherwise None.";
inline const std::string kIsReply = "Whether the message is a reply.";
inline const std::string kRequestReply = "Whether the message is a request.";
inline const std::string kMtype = "Always MessageType.DATA_PAYLOAD: a name of the old package.";
inline const std::string kCodec =
    "'pickle', or 'msgpack'. With the latter the messenger sends only what other languages know, and unpickles "
    "nothing.";
inline const std::string kClosed = "Whether this messenger has no link, because it was closed or passed to a process.";
inline const std::string kCloseRequested =
    "Whether the other side has asked this one to close. May be read by any thread.\n\n"
    ":raises LinkClosedError: if this messenger was closed\n";

// ---- sending ----

inline const std::string kSendNorequest =
    "Send data that expects no reply.\n\n"
    "Returns as soon as the other side can see the message. Blocks only while the link is full. A send that raises\n"
    "has sent nothing.\n\n" +
    kData + kChannel + kSendTimeout + kPriority + kSendErrors + kDataErrors;
inline const std::string kSendRequest =
    "Send data that expects a reply.\n\n"
    "`remaining` counts the request until its reply was received. Blocks only while the link is full. A send that\n"
    "raises has sent nothing.\n\n" +
    kData + kChannel + kSendTimeout + kPriority + ":return: the id of the request, an int, for `receive_reply`\n" +
    kSendErrors + kDataErrors;
inline const std::string kSendReply =
    "Answer the request of this channel that was received first and has no answer yet.\n\n"
    "If there is no such request, the message is sent as a reply that nobody asked for. Blocks only while the link is\n"
    "full. A send that raises has sent nothing.\n\n" +
    kData + kChannel + kSendTimeout + kPriority + kSendErrors + kDataErrors;
inline const std::string kSendRequestMultiple =
    "Send a request for each element of an iterable.\n\n"
    "Blocks only while the link is full. If one of the sends raises, the requests before it were sent, and "
    "`remaining`\n"
    "counts them.\n\n"
    ":param datas: the objects to send; older programs call this parameter `data`\n" +
    kChannel +
    ":param timeout: The seconds for which each of the sends waits while the link is full. None, the default: for "
    "ever.\n"
    ":param priority: A number for all of them; None, the default: as in `send_request`.\n"
    ":return: a list of the ids of the requests\n" +
    kSendErrors + kDataErrors;
inline const std::string kTrySend =
    "Send data that expects no reply if the link has space for it now, and do not wait.\n\n" + kData + kChannel +
    kPriority +
    ":return: whether it was sent; False: there was no space\n"
    ":raises MessageTooLargeError: if the message is larger than `LinkOptions.max_message_bytes`\n"
    ":raises LinkClosedError: if this messenger was closed or has called `send_end`\n" +
    kDataErrors;
inline const std::string kTrySendRequest =
    "Send data that expects a reply if the link has space for it now, and do not wait.\n\n" + kData + kChannel +
    kPriority +
    ":return: the id of the request, an int, for `receive_reply`; None: there was no space, and nothing was sent\n"
    ":raises MessageTooLargeError: if the message is larger than `LinkOptions.max_message_bytes`\n"
    ":raises LinkClosedError: if this messenger was closed or has called `send_end`\n" +
    kDataErrors;
inline const std::string kReplyTo =
    "Answer this request. Requests may be answered in any order.\n\n"
    "Blocks only while the link is full. A call that raises has sent nothing, and may be repeated.\n\n"
    ":param request: the request, a DataMessage that this messenger has received\n" +
    kData + kSendTimeout + kPriority +
    ":raises NoRequestError: if the message is not a request, has an answer already, or came through an earlier "
    "link\n" +
    kSendErrors + kDataErrors;
inline const std::string kState = ":param state: the state, anything that can be sent\n";
inline const std::string kStateErrors =
    ":raises MessageTooLargeError: also if the state is larger than `RestartOptions.max_state_bytes`; then the one\n"
    "    before counts\n";
inline const std::string kSave =
    "In a worker: save a state for the next worker of its Supervised, in place of the one before.\n\n"
    "The next one gets it by `this_worker.restored`. When this returns the state counts, even if the worker ends at\n"
    "once, by SIGKILL too. Blocks only while the link is full, which it is until the host looks at its messenger.\n"
    "Without a Supervised it does nothing.\n\n" +
    kState + kSendTimeout + kStateErrors + kSendErrors + ":raises Exception: what pickling the state raises\n";
inline const std::string kSaveAndReply =
    "Save a state and answer the oldest request of this channel, or neither, whenever the worker ends.\n\n"
    "This is `save` and `send_reply` in one message. With `pending='resend'` each request then changes the state\n"
    "exactly once. Blocks only while the link is full. Without a Supervised this is `send_reply`.\n\n" +
    kState + kData + kChannel + kSendTimeout + kPriority + kStateErrors + kSendErrors + kDataErrors;
inline const std::string kSaveAndReplyTo =
    "Save a state and answer this request, or neither, whenever the worker ends.\n\n"
    "This is `save` and `reply_to` in one message. With `pending='resend'` each request then changes the state\n"
    "exactly once. Blocks only while the link is full. Without a Supervised this is `reply_to`.\n\n" +
    kState + ":param request: the request, a DataMessage that this messenger has received\n" + kData + kSendTimeout +
    kPriority +
    ":raises NoRequestError: if the message is not a request, has an answer already, or came through an earlier "
    "link\n" +
    kStateErrors + kSendErrors + kDataErrors;
inline const std::string kReplyErrorTo =
    "Answer this request by an exception, which the other side's receive of the reply raises.\n\n"
    "Blocks only while the link is full.\n\n"
    ":param request: the request, a DataMessage that this messenger has received\n"
    ":param exception: The exception. If it cannot be pickled, the other side raises RemoteError.\n" +
    kSendTimeout +
    ":raises NoRequestError: if the message is not a request, has an answer already, or came through an earlier link\n"
    ":raises TypeError: if `exception` is not an exception\n" +
    kSendErrors;
inline const std::string kSendCloseRequest =
    "Ask the other side to close: its next receive raises ResourceRequestedClose.\n\n"
    "The request overtakes all messages and needs no space in the link. Never blocks.\n\n"
    ":raises LinkClosedError: if this messenger was closed\n";
inline const std::string kSendEnd =
    "Announce that nothing more will be sent.\n\n"
    "The other side receives everything that was sent before; after that its receives raise EndOfMessages. From now "
    "on\n"
    "sends of this messenger raise LinkClosedError, and its receives go on. A second call does nothing. Blocks only\n"
    "while the link is full.\n\n" +
    kSendTimeout +
    ":raises TimeoutError: if the link was full for all of `timeout`\n"
    ":raises LinkClosedError: if this messenger was closed\n"
    ":raises WorkerDiedError: if the call waits and the worker has ended; in a worker it is a HostDiedError, and at "
    "an\n"
    "    end of a pair a PeerClosedError\n"
    ":raises InterruptedError: if the call waits and `interrupt` is called\n";

// ---- streams ----

inline const std::string kStreamRequest =
    ":param request: the request, a DataMessage that this messenger has received, which was sent by `stream`\n";
inline const std::string kPartErrors =
    ":raises StreamCancelledError: if the other side has given up the stream; the request counts as answered then\n"
    ":raises NoRequestError: if the message is not a request, has an answer already, came through an earlier link, or\n"
    "    was not sent by `stream`\n";
inline const std::string kReplyPartTo =
    "Send a part of the answer to a request that was sent by `stream`.\n\n"
    "`reply_to` sends the last part; `end_reply_to` and `reply_error_to` end the stream without another one. Blocks "
    "while\n"
    "the window of the stream is full, that is, until the other side has read more, and while the link is full.\n"
    "Meanwhile it takes in messages. A call that raises has sent nothing, and may be repeated.\n\n" +
    kStreamRequest + kData +
    ":param timeout: The seconds for which the call waits. None, the default: for ever.\n"
    ":raises TimeoutError: if the window or the link was full for all of `timeout`\n"
    ":raises ResourceRequestedClose: if the window is full and the other side has asked this one to close\n" +
    kPartErrors +
    ":raises MessageTooLargeError: if the part is larger than `LinkOptions.max_message_bytes`\n"
    ":raises QueueFullError: if the call waits and the inbox of this side is full\n"
    ":raises LinkClosedError: if this messenger was closed or has called `send_end`\n"
    ":raises WorkerDiedError: if the call waits and the worker has ended; in a worker it is a HostDiedError, and at "
    "an\n"
    "    end of a pair a PeerClosedError\n"
    ":raises InterruptedError: if the call waits and `interrupt` is called\n"
    ":raises Exception: what pickling the data raises\n";
inline const std::string kTryReplyPartTo =
    "Send a part as `reply_part_to` does, if it may be sent now. Never waits.\n\n"
    "After it has returned False, `fileno` is readable when the other side has read more or has given up, until the "
    "next\n"
    "try.\n\n" +
    kStreamRequest + kData + ":return: whether it was sent; False: the window or the link is full\n" + kPartErrors +
    ":raises MessageTooLargeError: if the part is larger than `LinkOptions.max_message_bytes`\n"
    ":raises LinkClosedError: if this messenger was closed or has called `send_end`\n"
    ":raises Exception: what pickling the data raises\n";
inline const std::string kEndReplyTo =
    "End the answer to a request that was sent by `stream`, behind the parts that were sent.\n\n"
    "Blocks only while the link is full. A call that raises has sent nothing, and may be repeated.\n\n" +
    kStreamRequest + kSendTimeout +
    ":raises NoRequestError: if the message is not a request, has an answer already, or came through an earlier "
    "link\n" +
    kSendErrors;
inline const std::string kStream =
    "The parts that answer one request, in the order of their sends. `stream` of a messenger makes these objects.\n\n"
    "An iterator and an asynchronous iterator. The other side's error, or its end, is raised behind all parts that "
    "were\n"
    "sent before. An error that belongs to one part (it cannot be unpickled) is raised in its place, and the stream "
    "goes\n"
    "on. Parts that are not read stay here; no other receive returns them. Leaving a `with` block of the stream "
    "cancels\n"
    "it, and so does dropping the last reference to it.\n\n"
    "A step of a loop raises what `next` raises, with `each` of `stream` as its time; a new loop continues.\n";
inline const std::string kStreamNext =
    "Wait for the next part and return it.\n\n"
    "Blocks until a part or the end is there.\n\n"
    ":param default: What to return if there are no more parts. None by default.\n" +
    kReceiveTimeout +
    ":return: the part, or `default`\n"
    ":raises TimeoutError: if no part has come in this time; the stream goes on\n"
    ":raises ResourceRequestedClose: once, if the other side has asked this one to close, and again whenever the call\n"
    "    would sleep after that\n" +
    kEndErrors +
    ":raises NoRequestError: if the worker was started again before the end of the stream\n"
    ":raises QueueFullError: if the inbox is full of other messages\n"
    ":raises ConcurrentUseError: if another thread waits in the messenger, and `timeout` is not 0\n"
    ":raises InterruptedError: if `interrupt` of the messenger is called\n"
    ":raises Exception: an exception by which the other side has answered, or what unpickling the part raises\n";
inline const std::string kStreamCancel =
    "Give up the stream: drop what is not read, and tell the other side, whose next send of a part raises\n"
    "StreamCancelledError.\n\n"
    "Does not wait for that. A second call does nothing, and neither does one behind the end.\n";
inline const std::string kStreamQueued =
    "Return how many parts were taken from the link and not yet read.\n\n"
    "An error that has come behind them, or an end without a part, counts like a part. Does not look whether more "
    "have\n"
    "arrived.\n\n"
    ":return: the number of parts\n";
inline const std::string kStreamIsOver =
    "Whether no part will come any more: the last one was read, an error has answered, or the stream was cancelled.";

// ---- receiving ----

inline const std::string kReceiveBlocking =
    "Wait for a message of this channel and return its data.\n\n"
    "If there are several, a PriorityMessenger returns the most urgent one, and a MultiMessenger the one that was "
    "sent\n"
    "first. Blocks until a message is there.\n\n" +
    kChannel + kReceiveTimeout + ":return: the data\n" + kReceiveErrors + kChannelErrors +
    ":raises Exception: an exception by which the other side has answered the request, or what unpickling the data\n"
    "    raises\n";
inline const std::string kReceiveMessageBlocking =
    "Wait for a message of this channel and return it with its channel, priority and request id.\n\n"
    "Blocks until a message is there. The data is unpickled when `payload` is read.\n\n" +
    kChannel + kReceiveTimeout + ":return: the message, a DataMessage\n" + kReceiveErrors + kChannelErrors;
inline const std::string kReceiveAny =
    "Wait for a message of any of several channels.\n\n"
    "If there are several, a PriorityMessenger returns the most urgent one, and a MultiMessenger the one that was "
    "sent\n"
    "first. Blocks until a message is there.\n\n"
    ":param channel_ids: the channels, at least one\n" +
    kReceiveTimeout + ":return: the message, a DataMessage\n" + kReceiveErrors +
    ":raises ValueError: if `channel_ids` is empty\n"
    ":raises TypeError: if `channel_ids` is a str, or one of them cannot be hashed\n";
inline const std::string kReceiveAvailable =
    "Return the data of all messages of this channel that have arrived, and do not wait.\n\n"
    "They are in the order in which `receive_blocking` would return them.\n\n" +
    kChannel + ":return: a list, which is empty if no message has arrived\n" + kLookErrors + kChannelErrors +
    ":raises Exception: An exception that belongs to the first message. If it belongs to a later one, the messages\n"
    "    before are returned, and the next receive raises it.\n";
inline const std::string kReceiveAvailableMessages =
    "Return all messages of this channel that have arrived, and do not wait.\n\n"
    "They are in the order in which `receive_blocking` would return them.\n\n" +
    kChannel + ":return: a list of DataMessages, which is empty if no message has arrived\n" + kLookErrors +
    kChannelErrors;
inline const std::string kReceiveReply =
    "Wait for the reply to one request; all other messages stay queued.\n\n"
    "Blocks until the reply is there.\n\n"
    ":param request_id: the id that `send_request` has returned\n" +
    kReceiveTimeout + ":return: the data of the reply\n" + kReceiveErrors +
    ":raises NoRequestError: if there is no such request, or its reply was received already\n"
    ":raises Exception: an exception by which the other side has answered the request\n";
inline const std::string kDiscardReply =
    "Give up the reply to one request: it is dropped, now or when it comes, and the request counts as answered.\n\n"
    "Never blocks. Call it when the time for a reply is over, since a reply that nobody receives stays in the "
    "queue.\n\n"
    ":param request_id: the id that `send_request` has returned\n"
    ":raises NoRequestError: if there is no such request, or its reply was received or given up already\n";
inline const std::string kKeepLatest =
    "Keep only the newest message of this channel from now on, for states and measurements.\n\n"
    "A message that was not received yet is dropped when a newer one comes, which takes its place, whatever their\n"
    "priorities. `messages_replaced` counts those that were dropped. Requests, replies and errors are never dropped. "
    "It\n"
    "holds for this end alone, also when a worker is started again. Does not block.\n\n" +
    kChannel + ":raises LinkClosedError: if this messenger was closed\n" + kChannelErrors;
inline const std::string kCall =
    "Send data, wait for the reply to it and return that: `send_request` and `receive_reply` in one.\n\n"
    "Blocks until the reply is there. If it raises, the reply is dropped when it comes.\n\n" +
    kData + kChannel +
    ":param timeout: The seconds for the send and the wait together. None, the default: for ever.\n"
    ":return: the data of the reply\n"
    ":raises TimeoutError: if the time is over\n"
    ":raises Exception: an exception by which the other side has answered, and what `send_request` and\n"
    "    `receive_reply` raise\n";

// ---- looking ----

inline const std::string kAvailable =
    "Return how many messages of this channel can be received now.\n\n"
    "Takes in what has arrived, and never blocks. If there is no message, this raises what a receive would raise.\n\n" +
    kChannel + ":return: the number of messages\n" + kLookErrors + kChannelErrors;
inline const std::string kAwaitAvailable =
    "Wait until a message of any channel is there, and leave it there.\n\n"
    "Returns at once while a message is unread.\n\n" +
    kReceiveTimeout + ":raises TimeoutError: if nothing has arrived in this time\n" + kLookErrors +
    ":raises ConcurrentUseError: if another thread waits in this messenger\n"
    ":raises InterruptedError: if `interrupt` is called\n";
inline const std::string kPopFromQueue =
    "Return the next message of this channel that was taken from the link already.\n\n"
    "Does not look whether more messages have arrived: call `available` for that.\n\n" +
    kChannel +
    ":return: the message, a DataMessage\n"
    ":raises IndexError: if there is none\n";
inline const std::string kQueueSize =
    "Return how many messages of this channel were taken from the link and not yet received.\n\n"
    "Does not look whether more messages have arrived: call `available` for that.\n\n" +
    kChannel + ":return: the number of messages\n";
inline const std::string kRemaining = "Return how many requests of this channel have no received reply yet.\n\n" +
                                      kChannel + ":return: the number of requests\n";
inline const std::string kRequestsSent =
    "Return how many requests were sent on this channel.\n\n" + kChannel + ":return: the number of requests\n";
inline const std::string kRepliesReceived =
    "Return how many replies were received on this channel.\n\n" + kChannel + ":return: the number of replies\n";
inline const std::string kMessagesSent =
    "Return how many messages were sent on this channel, requests and replies included.\n\n" + kChannel +
    ":return: the number of messages\n";
inline const std::string kMessagesReceived =
    "Return how many messages were received on this channel, requests and replies included.\n\n" + kChannel +
    ":return: the number of messages\n";
inline const std::string kMessagesReplaced =
    "Return how many messages of this channel were dropped because a newer one came (`keep_latest`).\n\n" + kChannel +
    ":return: the number of messages\n";
inline const std::string kPipePoll =
    "Return whether something can be received or raised now, on any channel.\n\n"
    ":return: True if a receive of some channel would return or raise at once\n"
    ":raises LinkClosedError: if this messenger was closed\n";
inline const std::string kFileno =
    "Return a descriptor for select, poll and event loops.\n\n"
    "It is readable while something can be received or raised. The messenger keeps owning it: do not read from it, "
    "and\n"
    "do not close it. A worker that is started again has another one.\n\n"
    ":return: the number of the descriptor\n"
    ":raises LinkClosedError: if this messenger was closed\n";
inline const std::string kInterrupt =
    "Make the wait of another thread in this messenger raise InterruptedError; if there is none, the next wait.\n\n"
    "May be called by any thread. Nothing is lost. Never blocks.\n\n"
    ":raises LinkClosedError: if this messenger was closed\n";
inline const std::string kWaitAny =
    "Wait until one of several messengers has something to receive or to raise.\n\n"
    "Blocks until then. Takes no message.\n\n"
    ":param messengers: the messengers, an iterable\n"
    ":param timeout: The seconds to wait. None, the default: for ever; 0: look once.\n"
    ":return: the index of the first messenger that has something, or None if the time is over\n"
    ":raises TypeError: if one of them is not a messenger\n"
    ":raises LinkClosedError: if one of them was closed\n"
    ":raises ConcurrentUseError: if another thread waits in one of them\n"
    ":raises InterruptedError: if `interrupt` of one of them is called\n";

}  // namespace coproc_python::docs
