# SPDX-License-Identifier: MIT OR Apache-2.0
# The demo, put to the test as a program.
set(examples ${PROJECT_SOURCE_DIR}/examples)
add_executable(reload ${examples}/reload.c ${examples}/services.c ${examples}/expected.c)
target_link_libraries(reload PRIVATE hazptr_shared Threads::Threads)
add_test(NAME examples/reload COMMAND ${examples}/test-reload.sh $<TARGET_FILE:reload>)
set_tests_properties(examples/reload PROPERTIES TIMEOUT 240 RUN_SERIAL TRUE)
