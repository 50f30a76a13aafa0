/* Who asks for a dump, from a thread that is no worker: it waits, and at its limit, or when nobody wants the dump any more,
 * it closes the round itself. core/rendezvous.hpp: ask(), close_for(), withdraw(). */
proctype requester(byte r) {
  byte i, told;
  mtype part = none;

  atomic { request[r] = ASKED; asked++; open_round() };
  if
  :: part == wait -> part = none; wake_sleepers_for_round()
  :: part == lead -> part = none; lead_round()
  :: else
  fi;
  if
  :: request[r] == SERVED
  :: AT_LIMIT ->
     atomic {
       if
       :: request[r] == ASKED && phase == gathering -> CLOSE_ROUND; part = lead
       :: request[r] == ASKED && phase != gathering -> hurried = 1
       :: else
       fi }
  :: WITHDRAWS ->
     atomic {
       if
       :: request[r] == ASKED ->
          request[r] = WITHDRAWN; asked--; hurried = 0;
          if :: asked == 0 && phase == gathering -> CLOSE_ROUND; part = lead :: else fi
       :: else
       fi }
  fi;
  if
  :: part == lead -> part = none; lead_round()
  :: else
  fi;
end_waits:
  request[r] == SERVED || request[r] == WITHDRAWN
}
