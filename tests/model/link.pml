/* The link between two ends, for SPIN: two rings, waiting words, wake-up pipes, close requests, and the death of either
 * end at any step. What is checked, what each mutant is, and what is left out: docs/link.md, "Model".
 *
 * A step is one access to memory or one system call, together with what the end decides before it from what only it
 * changes: that makes no difference to the other end, and needs a fifth of the states. Each bears the name of what it
 * stands for, of Link (src/link/link.hpp, link_wait.cpp), Producer and Consumer (src/link/ring/ring.hpp), or Core
 * (src/messenger: send.cpp, receive.cpp, frame_reader.cpp, core.cpp).
 *
 * End 0 sends its records, receives those of end 1 and leaves. End 1 sends its records and receives until it is told
 * that the other is gone. What -D may choose stands below; CMakeLists.txt chooses.
 */
#ifndef SENDS_0
#define SENDS_0 3  /* records; one more than the ring holds, so that a place is used again */
#endif
#ifndef SENDS_1
#define SENDS_1 0
#endif
#ifndef KILLS
#define KILLS 1  /* 1: one end may be killed at any step */
#endif
#ifndef CLOSES
#define CLOSES 1  /* close requests, from either end */
#endif
#ifndef INTERRUPTS
#define INTERRUPTS 1  /* waits that end for nothing: a signal, a time-out, interrupt() */
#endif
#ifdef EVENT_LOOP  /* end 1 sleeps in an event loop, over native_handle() */
#define IS_ARMED (me == 1)
#else
#define IS_ARMED false
#endif

#ifdef FULL_INBOX  /* of end 0, while it sends: it waits for space alone */
#define IS_INBOX_FULL (me == 0)
#else
#define IS_INBOX_FULL false
#endif

/* The mutants that are but a word. */
#ifdef MUTANT_NO_FENCE_BEFORE_WAKE
#define FENCE_BEFORE_WAKE true
#else
#define FENCE_BEFORE_WAKE FENCE
#endif
#ifdef MUTANT_NO_FENCE_BEFORE_SLEEP
#define FENCE_BEFORE_SLEEP true
#else
#define FENCE_BEFORE_SLEEP FENCE
#endif
#ifdef MUTANT_NO_SECOND_LOOK
#define SECOND_LOOK false
#else
#define SECOND_LOOK true
#endif
#ifdef MUTANT_CLOSE_WAKES_RECEIVERS_ONLY
#define CLOSE_WAKES kWaitsForRecords
#else
#define CLOSE_WAKES kSleeps
#endif

#include "memory.pml"

#define kWaitsForRecords 1
#define kWaitsForSpace 2
#define kSleeps 4

/* ---- what the kernel knows ---- */

bool pipe_has_bytes[2];      /* the wake-up pipe that end e reads */
bool descriptors_closed[2];  /* end e's: the other's pipe has hung up, and nobody reads its own */
bool has_ended[2];           /* end e's pidfd is readable; a little later */
bool event_is_set;           /* armed_->has_work of end 1 */
byte host;                   /* the end that has the other's pidfd; the other has only its pipe */

/* ---- what the ends know privately, and the checks look at, too ---- */

byte published[2];   /* Producer::tail_ */
byte received[2];    /* Consumer::head_ */
byte given_back[2];  /* Consumer::head_published_ */
byte asleep[2];      /* in poll: the waiting bits */
bool has_asked_to_close[2];
bool has_seen_close[2];  /* a wait has reported it, or a receive thrown it */

/* ---- what may still happen ---- */

byte killed = 2;  /* the end that was killed; 2: none */
byte interrupts_left = INTERRUPTS;
byte closes_left = CLOSES;

#define PEER (1 - me)
#define BITS(incoming, space) (kSleeps + (incoming -> kWaitsForRecords : 0) + (space -> kWaitsForSpace : 0))

#define SEES_RECORDS (LOAD(TAIL(PEER)) != received[me])              /* Consumer::look */
#define HAS_ROOM (published[me] - head_seen < kSlots)                /* Producer::reserve, without another look */
#define SEES_ROOM (published[me] - LOAD(HEAD(PEER)) < kSlots)        /* Producer::look_at_head */
#define SEES_CLOSE (LOAD(CLOSE_REQUESTS(PEER)) != 0)                 /* Link::close_requests */
#define CLOSE_IS_NEWS (LOAD(CLOSE_REQUESTS(PEER)) != closes_waited_for)

/* ---- waking ---- */

inline write_wake() {  /* os::write_wake. The pipe's lock in the kernel hands over what was stored before. */
  atomic {
    FENCE ->
    if
    :: descriptors_closed[PEER] -> must_check_gone = true
    :: else -> pipe_has_bytes[PEER] = true
    fi
  }
}

inline wake_if_waiting(for_what) {  /* Link::wake_if_waiting */
  if
  :: FENCE_BEFORE_WAKE && (LOAD(WAITING(PEER)) & (for_what)) == 0
  :: FENCE_BEFORE_WAKE && (LOAD(WAITING(PEER)) & (for_what)) != 0 ->
#ifdef MUTANT_WORD_CLEARED_AFTER_WAKE
     write_wake();
     store(WAITING(PEER), 0)
#else
     store(WAITING(PEER), 0);
     write_wake()
#endif
  fi
}

/* ---- sleeping ---- */

#define PIDFD_IS_READABLE (me == host && has_ended[PEER])
#define PIPE_IS_READABLE (pipe_has_bytes[me] || descriptors_closed[PEER])
#define ANY_IS_READABLE (PIDFD_IS_READABLE || (PIPE_IS_READABLE && !IS_PIPE_LEFT_OUT))
#ifdef MUTANT_HANG_UP_FORGOTTEN  /* once the pipe has hung up it is left out of the poll, as if that had been told */
#define IS_PIPE_LEFT_OUT is_hung_up
#define NEED_NOT_POLL satisfied
#else
#define IS_PIPE_LEFT_OUT false
#define NEED_NOT_POLL (satisfied || is_hung_up)
#endif

inline take_what_is_readable() {  /* what Link::sleep makes of it; bytes are read before the hang-up */
  if
  :: PIDFD_IS_READABLE -> is_gone = true
  :: !PIDFD_IS_READABLE && !pipe_has_bytes[me] -> is_hung_up = true
  :: else
  fi;
  pipe_has_bytes[me] = false;
  asleep[me] = 0
}

/* Link::wait, its sleep(), and what Core makes of it. Its first look and its spinning are left out: they are
 * looks such as Core has just made. */
inline wait(incoming, space, has_time) {
  store(WAITING(me), BITS(incoming, space));
  atomic {
    FENCE_BEFORE_SLEEP ->
    /* is_satisfied: three loads at once, since what comes between them is only seen all the more. */
    satisfied = SECOND_LOOK && ((incoming && SEES_RECORDS) || (space && SEES_ROOM) || CLOSE_IS_NEWS);
    if
    :: NEED_NOT_POLL
    :: !NEED_NOT_POLL && has_time -> asleep[me] = BITS(incoming, space)
    :: !NEED_NOT_POLL && has_time && interrupts_left > 0 -> interrupts_left--  /* a signal, its time */
    :: !NEED_NOT_POLL && !has_time && ANY_IS_READABLE -> take_what_is_readable()
    :: !NEED_NOT_POLL && !has_time && !ANY_IS_READABLE -> is_timed_out = true
    fi;
    satisfied = false
  };
  atomic {
    asleep[me] == 0 || ANY_IS_READABLE ->  /* os::poll_once */
    if
    :: asleep[me] != 0 -> take_what_is_readable()
    :: else
    fi
  };
  if
  :: d_step { !IS_ARMED && OWN.count < kDepth -> append(WAITING(me), 0) }
  :: IS_ARMED
  fi;
  atomic {
    closes_waited_for = LOAD(CLOSE_REQUESTS(PEER));
    has_seen_close[me] = (closes_waited_for != 0);
    if
    :: is_hung_up && me == host -> has_ended[PEER] -> is_gone = true  /* else throw_if_peer_lives_on_unreachably() */
    :: is_hung_up && me != host -> is_gone = true
    :: else
    fi;
    if
    :: is_gone -> peer_gone = true
    :: is_gone && interrupts_left > 0 -> interrupts_left--  /* it says `interrupted` instead */
    :: else
    fi;
    is_gone = false
  }
}

/* Link::settle and Core::settle, at the end of a call that leaves nothing in the inbox; then epoll_wait. */
inline settle_and_sleep() {
#ifdef MUTANT_SETTLE_LOOKS_FOR_RECORDS_ONLY
  has_work = peer_gone || SEES_CLOSE;
#else
  has_work = peer_gone;
#endif
  if
  :: atomic { has_work -> event_is_set = true }
  :: atomic { !has_work -> pipe_has_bytes[me] = false };  /* os::drain_wakes */
     store(WAITING(me), BITS(true, true));
     atomic {
       FENCE_BEFORE_SLEEP ->
#ifdef MUTANT_SETTLE_LOOKS_FOR_RECORDS_ONLY
       event_is_set = SECOND_LOOK && SEES_RECORDS;
#else
       event_is_set = SECOND_LOOK && (SEES_RECORDS || SEES_CLOSE);
#endif
       asleep[me] = BITS(true, false)
     }
  fi;
  atomic { ANY_IS_READABLE || event_is_set -> asleep[me] = 0; has_work = false; is_timed_out = false }
}

/* ---- records ---- */

inline publish() {  /* Producer::publish */
  d_step { OWN.count < kDepth -> published[me]++; append(TAIL(me), published[me]) }
}

inline give_back(position) {  /* Consumer::release */
  d_step { OWN.count < kDepth -> append(HEAD(me), position); given_back[me] = position }
}

inline copy_up_to(position) {  /* Core::drain: Consumer::front, the copy, Consumer::pop */
  d_step {
    do
    :: received[me] != position ->
       record = LOAD(SLOT(PEER, received[me]));
       assert(record == received[me] + 1);  /* not lost, doubled, reordered or half written */
       received[me]++
    :: else -> break
    od;
    record = 0
  }
}

inline drain_up_to(position) {  /* Core::drain */
#ifdef MUTANT_SPACE_BEFORE_COPY
  give_back(position);
  copy_up_to(position);
#else
  copy_up_to(position);
  give_back(position);
#endif
  wake_if_waiting(kWaitsForSpace);  /* Link::release: that it could not wake is of no interest */
  atomic { must_check_gone = false; tail_seen = 0 }
}

/* ---- the ends ---- */

#define IS_SENDING (published[me] < (me == 0 -> SENDS_0 : SENDS_1) && !peer_gone && !must_check_gone)
#define HAS_ALL (me == 0 && published[0] == SENDS_0 && received[0] == SENDS_1)
#define IS_RECEIVING (!IS_SENDING && !HAS_ALL && !must_check_gone)

proctype End(byte me) {
  byte head_seen;  /* Producer::head_seen_ */
  byte tail_seen;  /* Consumer::tail_seen_ */
  byte closes_waited_for, record;
  bool peer_gone;   /* Core::peer_gone_ */
  bool is_hung_up;  /* hang_up_grace_ */
  bool satisfied, is_gone, is_timed_out, must_check_gone, has_work;

  {
    if
    :: IS_ARMED -> settle_and_sleep()  /* Core::native_handle */
    :: !IS_ARMED
    fi;
    do
    /* Core::send_bytes */
    :: atomic { IS_SENDING && HAS_ROOM ->
#ifdef MUTANT_TAIL_BEFORE_DATA
         publish() };
       store(SLOT(me, published[me] - 1), published[me]);
#else
         store(SLOT(me, published[me]), published[me] + 1) };  /* write_frame, Producer::commit */
       publish();
#endif
       wake_if_waiting(kWaitsForRecords)  /* Link::publish */
    :: must_check_gone -> must_check_gone = false; wait(false, false, true)  /* Core::check_gone_after_failed_wake */

    /* Core::room_for: what has come goes to the inbox; then a look for room; then the wait. */
    :: atomic { IS_SENDING && !HAS_ROOM && !IS_INBOX_FULL && SEES_RECORDS -> tail_seen = LOAD(TAIL(PEER)) };
       drain_up_to(tail_seen)
    :: IS_SENDING && !HAS_ROOM && (IS_INBOX_FULL || !SEES_RECORDS) ->
       if
       :: atomic { SEES_ROOM -> head_seen = LOAD(HEAD(PEER)) }
       :: !SEES_ROOM -> wait(!IS_INBOX_FULL, true, true)
       fi

    /* Core::receive */
    :: atomic { IS_RECEIVING && SEES_CLOSE -> has_seen_close[me] = true }; break  /* throw_if_close_requested */
    :: IS_RECEIVING && !SEES_CLOSE ->
       if
       :: atomic { SEES_RECORDS -> tail_seen = LOAD(TAIL(PEER)) };
          drain_up_to(tail_seen);
          if
          :: IS_ARMED -> settle_and_sleep()
          :: !IS_ARMED
          fi
       :: !SEES_RECORDS && peer_gone -> goto told                    /* wait_for_more: report_peer_gone */
       :: !SEES_RECORDS && !peer_gone && !IS_ARMED -> wait(true, false, true)
       :: !SEES_RECORDS && !peer_gone && IS_ARMED -> wait(true, false, false);
          if
          :: is_timed_out -> settle_and_sleep()
          :: !is_timed_out
          fi
       fi;
#ifdef MUTANT_DEATH_TOLD_AT_ONCE
       if
       :: peer_gone -> goto told
       :: !peer_gone
       fi
#endif
    :: HAS_ALL -> break
    /* Or it stays until the other has all, too: then no hang-up wakes that one. */
    :: HAS_ALL -> received[1] == SENDS_0 || descriptors_closed[1] || has_asked_to_close[1]; break

    /* Core::send_close_request. It receives nothing until that was seen: nothing else will wake the peer. */
    :: atomic { closes_left > 0 -> closes_left-- };
       d_step { OWN.count < kDepth -> append(CLOSE_REQUESTS(me), 1); has_asked_to_close[me] = true };
       wake_if_waiting(CLOSE_WAKES);
       atomic { has_seen_close[PEER] || descriptors_closed[PEER] -> must_check_gone = false }
    od;
    goto leaves;
told:
    assert(received[me] == published[PEER]);  /* death is told after all that was published */
leaves:
    skip
  } unless { killed == me };

  /* However it ends: what it has stored stays stored, then its descriptors close, then its pidfd says so. */
  atomic { FENCE -> asleep[me] = 0; descriptors_closed[me] = true };
  has_ended[me] = true
}

proctype Killer() {
  if
  :: true
  :: KILLS > 0 -> killed = 0
  :: KILLS > 0 -> killed = 1
  fi
}

init {
  atomic {
    if
    :: host = 0
    :: host = 1
    fi;
    run End(0);
    run End(1);
    run Memory();
    run Killer()
  }
}

/* ---- progress ---- */

#define NEED_NOT_SLEEP(e, peer)                                                    \
  (descriptors_closed[peer] || (has_asked_to_close[peer] && !has_seen_close[e]) || \
   ((asleep[e] & kWaitsForRecords) && published[peer] > received[e]) ||            \
   ((asleep[e] & kWaitsForSpace) && published[e] - given_back[peer] < kSlots))

ltl wakes_0 { [] ((asleep[0] != 0 && NEED_NOT_SLEEP(0, 1)) -> <> (asleep[0] == 0)) }
ltl wakes_1 { [] ((asleep[1] != 0 && NEED_NOT_SLEEP(1, 0)) -> <> (asleep[1] == 0)) }
ltl ends { <> (has_ended[0] && has_ended[1]) }
