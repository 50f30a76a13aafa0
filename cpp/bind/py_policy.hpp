// From the fields of ss.Policy to rt::Policy.
#pragma once

#include "bind/gil.hpp"
#include "rt/policy/policy.hpp"

namespace bind {

/// `fields`: by name, as Python writes them. Throws ValueError or TypeError that names the field, its value and what is allowed.
rt::Policy policy_from(const py::dict& fields);

}  // namespace bind
