// ss.Policy's fields as rt::Policy, and victims chosen by a function of the user's: Python, or compiled.
#include "bind/py_policy.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "bind/classes.hpp"
#include "bind/runtime_state.hpp"
#include "rt/task/context.hpp"

namespace bind {
namespace {

std::string shown(const py::handle& value) { return py::repr(value).cast<std::string>(); }

[[noreturn]] void refuse(const char* field, const py::handle& value, const std::string& allowed) {
  throw py::value_error(std::string(field) + "=" + shown(value) + "; need " + allowed);
}

bool is_int(const py::handle& value) { return PyLong_Check(value.ptr()) != 0 && PyBool_Check(value.ptr()) == 0; }

std::uint32_t count_from(const char* field, const py::handle& value, const std::string& allowed) {
  if (!is_int(value)) refuse(field, value, allowed);
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow != 0 || number < 0 || number > 0xffffffffLL) refuse(field, value, allowed);
  return static_cast<std::uint32_t>(number);
}

bool flag_from(const char* field, const py::handle& value) {
  if (PyBool_Check(value.ptr()) == 0) refuse(field, value, "True or False");
  return value.ptr() == Py_True;
}

double share_from(const char* field, const py::handle& value, const std::string& allowed) {
  if (PyFloat_Check(value.ptr()) == 0 && !is_int(value)) refuse(field, value, allowed);
  const double number = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  return number;
}

template <class E>
using Names = std::initializer_list<std::pair<const char*, E>>;

template <class E>
std::optional<E> named(const py::handle& value, Names<E> names) {
  if (!py::isinstance<py::str>(value)) return std::nullopt;
  const auto text = value.cast<std::string>();
  for (const auto& [name, meant] : names) {
    if (text == name) return meant;
  }
  return std::nullopt;
}

template <class E>
E one_of(const char* field, const py::handle& value, Names<E> names) {
  if (const auto meant = named<E>(value, names)) return *meant;
  std::string allowed;
  for (const auto& [name, meant] : names) {
    static_cast<void>(meant);
    allowed.append(allowed.empty() ? "" : ", ").append("'").append(name).append("'");
  }
  refuse(field, value, "one of " + allowed);
}

rt::Placement placement_from(const py::handle& value) {
  using Kind = rt::Placement::Kind;
  const Names<Kind> names{{"local", Kind::local}, {"central", Kind::central}, {"random", Kind::random}};
  if (const auto kind = named<Kind>(value, names)) return {*kind, 0};
  const char* const allowed = "'local', 'central', 'random', or ('jsq', d) with an int d >= 1";
  if (!py::isinstance<py::tuple>(value) || py::len(value) != 2) refuse("placement", value, allowed);
  const auto pair = value.cast<py::tuple>();
  if (!named<Kind>(pair[0], {{"jsq", Kind::jsq}})) refuse("placement", value, allowed);
  if (!is_int(pair[1])) refuse("placement", value, allowed);
  return {Kind::jsq, count_from("placement", pair[1], allowed)};
}

rt::StealAmount steal_from(const py::handle& value) {
  using Kind = rt::StealAmount::Kind;
  const char* const allowed = "'half', 'one', 'all', an int >= 1, a float strictly between 0 and 1, or None for no stealing";
  if (value.is_none()) return {Kind::none, 0, 0};
  if (const auto kind = named<Kind>(value, {{"half", Kind::half}, {"one", Kind::one}, {"all", Kind::all}})) return {*kind, 0, 0};
  if (is_int(value)) return {Kind::count, count_from("steal", value, allowed), 0};
  if (PyFloat_Check(value.ptr()) != 0) return {Kind::fraction, 0, PyFloat_AS_DOUBLE(value.ptr())};
  refuse("steal", value, allowed);
}

/// f(thief, attempt, lengths, choose) -> int | None, in a simulation.
class PythonVictims final : public rt::VictimFunction {
 public:
  explicit PythonVictims(PyObject* function) : function_(PyRef::borrow(function)) {}

  [[nodiscard]] std::optional<std::uint32_t> choose(std::uint32_t thief, std::uint32_t attempt,
                                                    std::span<const std::uint32_t> lengths, Dice& dice) override {
    const GilScope gil;
    try {
      if (failed_) return std::nullopt;
      const auto roll = py::cpp_function([&dice](std::int64_t n) {
        if (n < 1 || n > 0xffffffffLL) throw py::value_error("choose(" + std::to_string(n) + "); need 1..4294967295");
        return dice.choose(static_cast<std::uint32_t>(n));
      });
      py::tuple seen(lengths.size());
      for (std::size_t i = 0; i < lengths.size(); ++i) seen[i] = lengths[i];
      const py::object answer = py::handle(function_.get())(thief, attempt, seen, roll);
      if (answer.is_none()) return std::nullopt;
      const auto index = answer.cast<std::int64_t>();
      if (index >= 0 && index < static_cast<std::int64_t>(lengths.size())) return static_cast<std::uint32_t>(index);
      throw py::value_error("victims: " + std::to_string(index) + " is no worker; return 0.." +
                            std::to_string(lengths.size() - 1) + ", or None to end the search");
    } catch (py::error_already_set& error) {
      failed_ = true;
      note(error);
    } catch (const std::exception& error) {
      failed_ = true;
      PyErr_SetString(PyExc_ValueError, error.what());
      py::error_already_set raised;
      note(raised);
    }
    return std::nullopt;
  }
  [[nodiscard]] bool any_thread() const override { return false; }

 private:
  /// A step has nobody to throw to: the simulation raises it when its slice of steps is over.
  static void note(py::error_already_set& error) {
    rt::Context* context = rt::current();
    const auto world = context != nullptr && context->home != nullptr ? world_of(*context->home) : nullptr;
    error.restore();
    PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != nullptr) PyException_SetTraceback(value, trace);
    if (world != nullptr) world->note_interrupt(value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
  }

  PyRef function_;
  bool failed_ = false;
};

/// int64(int64 thief, int64 attempt, int64* lengths, int64 workers, int64 random), on any thread.
class CompiledVictims final : public rt::VictimFunction {
 public:
  using Function = std::int64_t (*)(std::int64_t, std::int64_t, std::int64_t*, std::int64_t, std::int64_t);
  CompiledVictims(PyObject* owner, std::uintptr_t address)
      : owner_(PyRef::borrow(owner)), function_(reinterpret_cast<Function>(address)) {}

  [[nodiscard]] std::optional<std::uint32_t> choose(std::uint32_t thief, std::uint32_t attempt,
                                                    std::span<const std::uint32_t> lengths, Dice& dice) override {
    thread_local std::vector<std::int64_t> seen;
    seen.assign(lengths.begin(), lengths.end());
    const auto workers = static_cast<std::int64_t>(lengths.size());
    const std::int64_t answer = function_(thief, attempt, seen.data(), workers, dice.choose(1U << 31U));
    if (answer < 0) return std::nullopt;
    return answer < workers ? static_cast<std::uint32_t>(answer) : thief;  // no worker: a look in vain
  }
  [[nodiscard]] bool any_thread() const override { return true; }

 private:
  PyRef owner_;
  Function function_;
};

/// The address of a compiled function: numba's cfunc, or a function pointer of ctypes or cffi. 0: it is none of them.
std::uintptr_t address_of(const py::handle& function) {
  const auto ctypes = py::module_::import("ctypes");  // once it is there, a look into a dict
  if (py::isinstance(function, ctypes.attr("_CFuncPtr"))) {
    const py::object address = ctypes.attr("cast")(function, ctypes.attr("c_void_p")).attr("value");
    return address.is_none() ? 0 : address.cast<std::uintptr_t>();
  }
  if (py::hasattr(function, "native_name") && py::hasattr(function, "address")) {
    return function.attr("address").cast<std::uintptr_t>();
  }
  if (py::str(py::type::of(function).attr("__module__")).equal(py::str("_cffi_backend"))) {
    const auto backend = py::module_::import("_cffi_backend");  // it is there: the function comes from it
    const py::object number = backend.attr("cast")(backend.attr("new_primitive_type")("intptr_t"), function);
    return py::int_(number).cast<std::uintptr_t>();
  }
  return 0;
}

void set_victims(rt::Policy& policy, const py::handle& value) {
  using enum rt::VictimOrder;
  const Names<rt::VictimOrder> names{{"random-start-scan", random_start_scan},
                                     {"uniform", uniform},
                                     {"round-robin", round_robin},
                                     {"last-victim", last_victim},
                                     {"two-choices", two_choices},
                                     {"longest", longest},
                                     {"nearest", nearest}};
  if (PyCallable_Check(value.ptr()) == 0) {
    policy.victims = one_of<rt::VictimOrder>("victims", value, names);
    return;
  }
  policy.victims = function;
  if (const std::uintptr_t address = address_of(value)) {
    policy.victim_function = std::make_shared<CompiledVictims>(value.ptr(), address);
  } else {
    policy.victim_function = std::make_shared<PythonVictims>(value.ptr());
  }
}

std::uint32_t count_from_one(const char* field, const py::handle& value, const std::string& allowed) {
  const std::uint32_t count = count_from(field, value, allowed);
  if (count == 0) refuse(field, value, allowed);
  return count;
}

/// 0 stands for "not limited" in the core, None in Python.
std::uint32_t count_or_none(const char* field, const py::handle& value, const std::string& allowed) {
  return value.is_none() ? 0 : count_from_one(field, value, allowed);
}

/// The same for a field that has a word for it.
std::uint32_t count_or_word(const char* field, const py::handle& value, const char* word, const std::string& allowed) {
  return named<bool>(value, {{word, true}}) ? 0 : count_from_one(field, value, allowed);
}

}  // namespace

rt::Policy policy_from(const py::dict& fields) {
  const auto at = [&](const char* name) { return py::object(fields[name]); };
  const auto count = [&](const char* name, const char* allowed) { return count_from(name, at(name), allowed); };
  rt::Policy policy;
  policy.lifo_slot = flag_from("lifo_slot", at("lifo_slot"));
  policy.lifo_polls = count("lifo_polls", "an int >= 1 (default 3)");
  policy.lifo_steal_after = count_or_none("lifo_steal_after", at("lifo_steal_after"), "None, or an int >= 1");
  policy.local_order =
      one_of<rt::LocalOrder>("local_order", at("local_order"), {{"fifo", rt::LocalOrder::fifo}, {"lifo", rt::LocalOrder::lifo}});
  policy.local_capacity = count("local_capacity", "a power of two from 2 to 16777216 (default 256)");
  policy.placement = placement_from(at("placement"));
  policy.steal = steal_from(at("steal"));
  const Names<rt::QueueEnd> ends{{"oldest", rt::QueueEnd::oldest}, {"newest", rt::QueueEnd::newest}};
  policy.steal_end = one_of<rt::QueueEnd>("steal_end", at("steal_end"), ends);
  policy.steal_threshold = count("steal_threshold", "an int >= 1");
  set_victims(policy, at("victims"));
  policy.attempts = count_or_none("attempts", at("attempts"), "None for one sweep, or an int >= 1");
  policy.retry = flag_from("retry", at("retry"));
  policy.overflow_all = one_of<bool>("overflow", at("overflow"), {{"half", false}, {"all", true}});
  policy.overflow_end = one_of<rt::QueueEnd>("overflow_end", at("overflow_end"), ends);
  policy.global_interval =
      count_or_word("global_interval", at("global_interval"), "adaptive", "'adaptive' (200 us), or an int >= 1");
  policy.inject =
      one_of<rt::InjectKind>("inject", at("inject"), {{"single", rt::InjectKind::single}, {"sharded", rt::InjectKind::sharded}});
  policy.inject_batch = count_or_word("inject_batch", at("inject_batch"), "share", "'share' (Tokio's), or an int >= 1");
  policy.max_searching =
      share_from("max_searching", at("max_searching"), "a share of the workers above 0, up to 1 (default 0.5)");
  policy.spin = count("spin", "an int >= 0: sweeps more before a worker parks");
  policy.notify = one_of<rt::WakeRule>("notify", at("notify"),
                                       {{"baton", rt::WakeRule::baton},
                                        {"per-task", rt::WakeRule::per_task},
                                        {"all", rt::WakeRule::all},
                                        {"never", rt::WakeRule::never}});
  policy.driver_handoff = flag_from("driver_handoff", at("driver_handoff"));
  policy.fork = one_of<rt::ForkOrder>("fork", at("fork"),
                                      {{"help-first", rt::ForkOrder::help_first}, {"work-first", rt::ForkOrder::work_first}});
  policy.coop_budget = count_or_none("coop_budget", at("coop_budget"), "an int >= 1 (default 128), or None for no budget");
  policy.event_interval = count("event_interval", "an int >= 1 (default 61)");
  return policy;
}

void init_policy(py::module_& module) {
  module.def(
      "check_policy", [](const py::dict& fields, bool simulated) { rt::check_policy(policy_from(fields), simulated); },
      py::arg("fields"), py::arg("simulated"), "Raises ValueError for a policy that makes no sense.");
}

}  // namespace bind
