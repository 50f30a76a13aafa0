# Which headers does an installed stealscope have? The public ones, and what these include in turn; run when it is installed.
#
# Invariant: an installed header includes no header of ours that is not installed. `source` is the folder of rt/, `destination`
# where its copy goes. Read next: cpp/example/README.md, which says what each public header is for.
set(public_headers
    rt/runtime.hpp
    rt/version.hpp
    rt/observe/metric_list.hpp
    rt/policy/policy.hpp
    rt/sync/barrier.hpp
    rt/sync/channel.hpp
    rt/sync/event.hpp
    rt/sync/lock.hpp
    rt/sync/notify.hpp
    rt/sync/oneshot.hpp
    rt/sync/semaphore.hpp
    rt/task/fork.hpp
    rt/task/fork_join.hpp
    rt/task/spawn_batch.hpp
    rt/time/driver.hpp)

set(open ${public_headers})
set(found "")
while(open)
  list(POP_FRONT open header)
  list(FIND found "${header}" place) # not IN_LIST: an install script runs without our policies
  if(NOT place EQUAL -1)
    continue()
  endif()
  list(APPEND found "${header}")
  file(STRINGS "${source}/${header}" lines REGEX "^#include \"rt/")
  list(TRANSFORM lines REPLACE "^#include \"([^\"]+)\".*" "\\1")
  list(APPEND open ${lines})
endwhile()

foreach(header IN LISTS found)
  get_filename_component(folder "${header}" DIRECTORY)
  file(INSTALL "${source}/${header}" DESTINATION "${destination}/${folder}")
endforeach()
