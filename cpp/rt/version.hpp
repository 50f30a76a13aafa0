// Which version of the library is linked?
//
// Invariant: the number comes from pyproject.toml through CMake and is compiled into one object file only, so a new version
// does not rebuild the rest.
// Read next: version.cpp, pyproject.toml.
#pragma once

#include <string_view>

namespace rt {

/// "major.minor.patch". Any thread; the text lives as long as the program.
[[nodiscard]] std::string_view version() noexcept;

}  // namespace rt
