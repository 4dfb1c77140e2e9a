/* The memory of the link as two ends see it: what one stores waits in its store buffer before the other can load it. */

#define kSlots 2  /* records that a ring holds */

/* Places. Ring e is the one that end e writes. What is stored relaxed comes first, what is stored with release last. */
#define SLOT(e, position) ((e) * kSlots + (position) % kSlots)
#define WAITING(e) (2 * kSlots + (e))
#define TAIL(e) (2 * kSlots + 2 + (e))
#define HEAD(e) (2 * kSlots + 4 + (e))  /* of the ring that end e reads */
#define CLOSE_REQUESTS(e) (2 * kSlots + 6 + (e))
#define kPlaces (2 * kSlots + 8)

#ifdef MUTANT_TAIL_WITHOUT_RELEASE
#define IS_RELAXED(place) ((place) < HEAD(0))
#else
#define IS_RELAXED(place) ((place) < TAIL(0))
#endif

#define kDepth 4  /* stores that wait; one more waits until there is a place for it */
typedef StoreBuffer {
  byte count;
  byte place[kDepth];
  byte value[kDepth];
};
StoreBuffer stores[2];
byte view[2 * kPlaces];  /* what each end loads: the memory, but for its own stores, which it sees at once */

#define OWN stores[me]
#define LOAD(where) view[me * kPlaces + (where)]
/* A full fence: goes on when all has left the buffer. */
#define FENCE (OWN.count == 0)

inline append(where, what) {
  OWN.place[OWN.count] = where;
  OWN.value[OWN.count] = what;
  OWN.count++;
  LOAD(where) = what
}
inline store(where, what) { d_step { OWN.count < kDepth -> append(where, what) } }

#define HAS_PENDING(e, where)                                                                      \
  ((stores[e].count > 0 && stores[e].place[0] == where) || (stores[e].count > 1 && stores[e].place[1] == where) || \
   (stores[e].count > 2 && stores[e].place[2] == where) || (stores[e].count > 3 && stores[e].place[3] == where))

/* Relaxed stores to different places leave in any order; one with release leaves after all that came before it. */
#define IS_FREE(e, i) (stores[e].count > i && IS_RELAXED(stores[e].place[i]))
#define DIFFER(e, i, j) (stores[e].place[i] != stores[e].place[j])
#define MAY_LEAVE(e, i)                                                                         \
  (i == 0 -> stores[e].count > 0 : IS_FREE(e, i) && DIFFER(e, i, 0) && (i < 2 || DIFFER(e, i, 1)) && \
                                       (i < 3 || DIFFER(e, i, 2)))

proctype Memory() {
  byte e, i, place, value;
end:
  do
  :: atomic {
       if
       :: MAY_LEAVE(0, 0) -> e = 0; i = 0
       :: MAY_LEAVE(0, 1) -> e = 0; i = 1
       :: MAY_LEAVE(0, 2) -> e = 0; i = 2
       :: MAY_LEAVE(0, 3) -> e = 0; i = 3
       :: MAY_LEAVE(1, 0) -> e = 1; i = 0
       :: MAY_LEAVE(1, 1) -> e = 1; i = 1
       :: MAY_LEAVE(1, 2) -> e = 1; i = 2
       :: MAY_LEAVE(1, 3) -> e = 1; i = 3
       fi;
       d_step {
         place = stores[e].place[i];
         value = stores[e].value[i];
         do
         :: i + 1 < stores[e].count ->
            stores[e].place[i] = stores[e].place[i + 1];
            stores[e].value[i] = stores[e].value[i + 1];
            i++
         :: else -> break
         od;
         stores[e].count--;
         stores[e].place[i] = 0;
         stores[e].value[i] = 0;
         /* An end that has a store of its own to this place under way goes on seeing that one. */
         if
         :: !HAS_PENDING(0, place) -> view[place] = value
         :: else
         fi;
         if
         :: !HAS_PENDING(1, place) -> view[kPlaces + place] = value
         :: else
         fi;
         e = 0; i = 0; place = 0; value = 0
       }
     }
  od
}
