# SPDX-License-Identifier: MIT OR Apache-2.0
# The hunt for a use after free, and its negative controls: the same program against engines that
# are each weakened in one place must find an error, or the hunt without errors shows nothing.
#
# An ordinary barrier in place of the one that restarts sequences shows itself only if it meets a
# sequence between its load and its commit, which are one instruction apart. So that control is an
# engine widened there, and the right barrier must bear the same widening.

add_executable(hunt hunt.c)
target_link_libraries(hunt PRIVATE hazptr_shared Threads::Threads)
configure_file(hunt.c cxx/hunt.cpp COPYONLY)
add_executable(hunt-cxx ${CMAKE_CURRENT_BINARY_DIR}/cxx/hunt.cpp)
target_include_directories(hunt-cxx PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(hunt-cxx PRIVATE hazptr_shared Threads::Threads)
foreach(engine widened weakened_no_barrier weakened_plain_barrier)
  add_executable(hunt-${engine} hunt.c)
  target_link_libraries(hunt-${engine} PRIVATE hazptr_${engine} Threads::Threads)
endforeach()

hazptr_run(hunt/clean "hunt;--seconds;5" rseq FALSE 60)
foreach(surroundings membarrier fence nolines debug)
  hazptr_run(hunt/clean "hunt;--seconds;2" ${surroundings} FALSE 60)
endforeach()
foreach(surroundings rseq membarrier fence nolines debug)
  hazptr_run(hunt/clean-held "hunt;--held;moved;--seconds;2" ${surroundings} FALSE 60)
endforeach()
hazptr_run(hunt/clean-cxx "hunt-cxx;--seconds;1" rseq FALSE 60)
hazptr_run(hunt/clean-widened "hunt-widened;--seconds;5" rseq FALSE 60)

set(control "--expect;error;--seconds;10")
hazptr_run(hunt/control-no-wait "hunt;--wait;none;${control}" rseq TRUE 60)
hazptr_run(hunt/control-no-barrier "hunt-weakened_no_barrier;${control}" rseq TRUE 60)
hazptr_run(hunt/control-plain-barrier-widened "hunt-weakened_plain_barrier;${control}" rseq TRUE 60)

hazptr_run(hunt/control-held-no-barrier "hunt-weakened_no_barrier;--held;moved;${control}" rseq TRUE 60)
hazptr_run(hunt/control-held-copied "hunt;--held;copied;${control}" rseq TRUE 60)

# The weakened engines are theirs alone.
set(shipped sh ${CMAKE_CURRENT_SOURCE_DIR}/shipped.sh ${hazptr_so})
add_test(NAME shipped-library-has-no-weakening-switch
         COMMAND ${shipped} ${hazptr_a} ${hazptr_map})
add_test(NAME shipped-library-check-knows-a-weakened-one
         COMMAND ${shipped} ${hazptr_lib_dir}/libweakened_no_barrier_hazptr.a ${hazptr_map})
set_tests_properties(shipped-library-check-knows-a-weakened-one PROPERTIES
  PASS_REGULAR_EXPRESSION "exports: weakened_no_barrier_hazptr_acquire")
