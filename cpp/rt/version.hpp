// Which version of the library is linked, and what built it?
//
// Invariant: the number comes from pyproject.toml through CMake and is compiled into one object file only, so a new version
// does not rebuild the rest.
// Read next: version.cpp, pyproject.toml.
#pragma once

#include <string_view>

namespace rt {

/// "major.minor.patch". Any thread; the text lives as long as the program.
[[nodiscard]] std::string_view version() noexcept;

/// Name and version of the compiler, and the kind of build: "GNU 12.2.0, Release". Any thread; lives as long as the program.
[[nodiscard]] std::string_view compiler() noexcept;

}  // namespace rt
