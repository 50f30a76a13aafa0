// Which version of the library is linked? See version.hpp; the definition is set by CMakeLists.txt for this file alone.
#include "rt/version.hpp"

namespace rt {

std::string_view version() noexcept { return RT_VERSION; }

}  // namespace rt
