# How our own code is compiled. Consumers of the installed library get none of this.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# ccache keeps clean rebuilds short; its absence costs nothing but time.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

add_library(stealscope_settings INTERFACE)
target_compile_features(stealscope_settings INTERFACE cxx_std_20)

set(gnu_like "$<CXX_COMPILER_ID:GNU,Clang,AppleClang>")
# No fused multiply-add: a simulation has to give the same numbers on every machine.
target_compile_options(stealscope_settings INTERFACE "$<${gnu_like}:-ffp-contract=off>")
target_compile_options(
  stealscope_settings
  INTERFACE "$<${gnu_like}:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor;-Woverloaded-virtual;-Wcast-align>")
if(WARNINGS_AS_ERRORS)
  target_compile_options(stealscope_settings INTERFACE "$<${gnu_like}:-Werror>")
endif()
# ThreadSanitizer cannot see a free-standing fence; gcc says so for each one that a standard header contains.
if(SANITIZE MATCHES "thread")
  target_compile_options(stealscope_settings INTERFACE "$<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>")
endif()

# Sanitizers and coverage have to reach every object of the program, so they are set for the directory.
if(SANITIZE)
  add_compile_options(-fsanitize=${SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SANITIZE})
endif()

if(IPO)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT ipo_works OUTPUT ipo_reason LANGUAGES CXX)
  if(ipo_works)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    # Fat objects keep the installed archive usable by a linker, or a compiler, without our plug-in.
    add_compile_options("$<$<CXX_COMPILER_ID:GNU>:-ffat-lto-objects>")
  else()
    message(STATUS "IPO is not available: ${ipo_reason}")
  endif()
endif()
