// Which version of the library is linked, and what built it? See version.hpp; the definitions are set by CMakeLists.txt for this
// file alone.
#include "rt/version.hpp"

namespace rt {

std::string_view version() noexcept { return RT_VERSION; }

std::string_view compiler() noexcept { return RT_COMPILER; }

}  // namespace rt
