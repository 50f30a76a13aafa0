// A timeline as a Python object: for the classes that have one.
#pragma once

#include <memory>

#include "bind/gil.hpp"
#include "rt/observe/timeline.hpp"

namespace bind {

/// None for a null pointer.
py::object timeline_object(std::shared_ptr<rt::Timeline> timeline);

}  // namespace bind
