# One program for each folder of tests/cpp that has sources: unit_tests, model_tests, stress_tests.
find_package(GTest QUIET)
if(NOT GTest_FOUND)
  message(FATAL_ERROR "GoogleTest is missing: `apt-get install libgtest-dev`, or give -DGTest_ROOT=<prefix>, or -DBUILD_TESTS=OFF")
endif()

foreach(kind unit model stress)
  file(GLOB test_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cpp/${kind}/*.cpp")
  if(NOT test_sources)
    message(STATUS "tests/cpp/${kind} has no sources yet: ${kind}_tests is left out")
    continue()
  endif()
  add_executable(${kind}_tests ${test_sources})
  target_link_libraries(${kind}_tests PRIVATE stealscope_rt stealscope_settings GTest::gtest GTest::gtest_main)
  target_precompile_headers(${kind}_tests PRIVATE <gtest/gtest.h> <functional> <memory> <string> <vector>)
  target_include_directories(${kind}_tests PRIVATE "${PROJECT_SOURCE_DIR}/tests/cpp" "${PROJECT_SOURCE_DIR}/tests")
  # One ctest entry a program: discovery would start each program once more at build time and say no more than it does.
  add_test(NAME ${kind} COMMAND ${kind}_tests --gtest_brief=1)
  set_tests_properties(${kind} PROPERTIES TIMEOUT 900 LABELS ${kind})
endforeach()

# Its own definition, so it cannot share the precompiled headers.
set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/cpp/unit/fuzz_corpus_test.cpp" PROPERTIES
  COMPILE_DEFINITIONS "FUZZ_CORPUS=\"${PROJECT_SOURCE_DIR}/tests/fuzz/corpus\"" SKIP_PRECOMPILE_HEADERS ON)
