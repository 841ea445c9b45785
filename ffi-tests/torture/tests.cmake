# SPDX-License-Identifier: MIT OR Apache-2.0
# hazptrtorture's own tests, its negative controls, and a short run of every scenario.

# hazptr_torture(suffix library [definition...]): the same program, otherwise linked.
get_target_property(torture_sources hazptrtorture SOURCES)
list(TRANSFORM torture_sources PREPEND torture/)
function(hazptr_torture suffix library)
  set(name hazptrtorture-${suffix})
  add_executable(${name} ${torture_sources})
  target_link_libraries(${name} PRIVATE ${library} Threads::Threads)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE ${ARGN})
endfunction()

hazptr_torture(busted-fence hazptr_weakened_no_barrier TORTURE_BUSTED_FENCE)
# What is retired is looked for a microsecond later than what is waited for: too late to meet a
# sequence without its barrier, unless sequences take as long.
hazptr_engine_variant(weakened_widened weaken-no-barrier,test-widen)
hazptr_torture(busted-widened hazptr_weakened_widened TORTURE_BUSTED_FENCE)
hazptr_torture(delayed hazptr_delayed)
# Its own hazptr_synchronize(), which never returns, comes before the library's.
hazptr_torture(stuck hazptr_shared TORTURE_PATIENCE=2)
target_sources(hazptrtorture-stuck PRIVATE torture/stuck.c)
# Likewise its own hazptr_retire().
hazptr_torture(lost hazptr_shared)
target_sources(hazptrtorture-lost PRIVATE torture/lost.c)

set(torture_dir ${CMAKE_CURRENT_SOURCE_DIR}/torture)
add_test(NAME torture/parameters COMMAND ${torture_dir}/test-parameters.sh
         $<TARGET_FILE:hazptrtorture> $<TARGET_FILE:hazptrtorture-stuck>
         $<TARGET_FILE:hazptrtorture-lost>)
set_tests_properties(torture/parameters PROPERTIES TIMEOUT 300)

# How a run must end: torture_ends(name VERDICT seconds command...)
function(torture_ends name verdict seconds)
  add_test(NAME torture/${name} COMMAND ${torture_dir}/expect.sh ${verdict} ${seconds} ${ARGN})
  set_tests_properties(torture/${name} PROPERTIES TIMEOUT 120)
endfunction()

torture_ends(control-busted FAILURE 10
             $<TARGET_FILE:hazptrtorture> torture_type=busted shutdown_secs=10)
torture_ends(control-busted-fence FAILURE 10
             $<TARGET_FILE:hazptrtorture-busted-fence> mode=rseq shutdown_secs=10)
torture_ends(control-busted-retire FAILURE 10
             $<TARGET_FILE:hazptrtorture> torture_type=busted-retire shutdown_secs=10)
torture_ends(control-busted-fence-retire FAILURE 10
             $<TARGET_FILE:hazptrtorture-busted-widened> torture_type=busted-fence-retire mode=rseq
             shutdown_secs=10)
# Short, but not beside others that starve its readers.
set_tests_properties(torture/control-busted torture/control-busted-fence
                     torture/control-busted-retire torture/control-busted-fence-retire
                     PROPERTIES RUN_SERIAL TRUE)
torture_ends(no-rseq SUCCESS 30
             env GLIBC_TUNABLES=glibc.pthread.rseq=0 $<TARGET_FILE:hazptrtorture> shutdown_secs=2)
# memcheck knows no rseq, and the program leaves nothing behind, apart from a worker.
set(torture_valgrind
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all
    --errors-for-leak-kinds=all --fair-sched=yes $<TARGET_FILE:hazptrtorture>
    shutdown_secs=3 nreaders=-2 nwriters=2 defer_modulus=50 irq_acquire=50 irq_release=50)
torture_ends(valgrind SUCCESS 60 ${torture_valgrind})
torture_ends(valgrind-retire SUCCESS 60
             ${torture_valgrind} torture_type=hazptr-retire retire_worker=0)

# Every scenario of `make torture`, in short. Serial as the controls are.
add_test(NAME torture/table COMMAND ${PROJECT_SOURCE_DIR}/scripts/torture.sh)
set_tests_properties(torture/table PROPERTIES
  ENVIRONMENT "DURATION=3;BUILD=${PROJECT_BINARY_DIR}" TIMEOUT 600 RUN_SERIAL TRUE)
