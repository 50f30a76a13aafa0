# One fuzzer for each tests/fuzz/fuzz_*.cpp. libFuzzer brings main(); the preset `fuzz` instruments the library too.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" OR NOT SANITIZE MATCHES "fuzzer-no-link")
  message(FATAL_ERROR "BUILD_FUZZERS needs clang and -DSANITIZE=fuzzer-no-link,address,undefined: use `bash scripts/fuzz.sh`")
endif()

file(GLOB fuzz_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.cpp")
foreach(source ${fuzz_sources})
  get_filename_component(name "${source}" NAME_WE)
  add_executable(${name} "${source}")
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE stealscope_rt stealscope_settings)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endforeach()
