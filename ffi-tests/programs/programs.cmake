# SPDX-License-Identifier: MIT OR Apache-2.0
# Random programs of calls against a model; see programs/src/main.rs.
#
# It links with the static library. Controls: the same with one call replaced by a wrong one.

set(programs_dir ${CMAKE_CURRENT_SOURCE_DIR}/programs)
set(programs_target_dir ${CMAKE_CURRENT_BINARY_DIR}/programs)
set(programs ${programs_target_dir}/release/programs)
file(GLOB programs_sources CONFIGURE_DEPENDS ${programs_dir}/src/*.rs)

add_custom_command(
  OUTPUT ${programs}
  COMMAND ${CMAKE_COMMAND} -E env --unset=RUSTFLAGS --unset=CARGO_ENCODED_RUSTFLAGS
          HAZPTR_ARCHIVE=${hazptr_a}
          ${CARGO} build --quiet --release --locked
          --manifest-path ${programs_dir}/Cargo.toml --target-dir ${programs_target_dir}
  DEPENDS ${programs_sources} ${programs_dir}/build.rs ${programs_dir}/Cargo.toml
          ${programs_dir}/Cargo.lock ${hazptr_a} hazptr_libraries
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} # where vendored crates are named, if there are any
  COMMENT "cargo: random programs"
  VERBATIM)
add_custom_target(programs ALL DEPENDS ${programs})

# Programs that failed once, with an engine that was broken for it.
file(GLOB programs_kept CONFIGURE_DEPENDS ${programs_dir}/kept/*.txt)

foreach(surroundings rseq membarrier fence nolines debug)
  hazptr_run(programs "${programs};--count;5000" ${surroundings} FALSE 120)
  hazptr_run(programs/kept "${programs};--count;100;--replay;${programs_kept}" ${surroundings}
             FALSE 60)
endforeach()

foreach(break release again synchronize others stale unprotected stats errno)
  hazptr_run(programs/control-${break} "${programs_dir}/control.sh;${programs};${break}"
             rseq FALSE 120)
endforeach()
