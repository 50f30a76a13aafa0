// The native half of ss.Simulation: one machine a run, played in slices so that Python sees Ctrl-C in between.
#include <pybind11/stl.h>

#include "bind/classes.hpp"
#include "bind/py_metrics.hpp"
#include "bind/py_policy.hpp"
#include "bind/py_world.hpp"
#include "bind/sim_state.hpp"

namespace bind {
namespace {

using Shared = std::shared_ptr<SimState>;

/// Virtual workers share the host's thread, so none of them may let go of the GIL for the others: the slice's end does.
class SimLane final : public rt::Lane {
 public:
  void enter() override {
    if (!holds_gil()) python_lane().enter();
  }
  void leave() override {}
  void go_on() override { enter(); }
  void pause() override {}
  [[nodiscard]] bool is_inside() const override { return holds_gil(); }
  [[nodiscard]] const char* what() const override { return python_lane().what(); }
};

/// While something moves the machine. At its end the GIL, which a Python task may have taken, is free again.
struct Playing {
  explicit Playing(SimState& of) : machine(of) { machine.is_playing = true; }
  ~Playing() {
    if (holds_gil()) python_lane().leave();
    machine.is_playing = false;
  }
  SimState& machine;
};

/// Runs something that moves the machine.
template <class F>
auto playing(SimState& machine, F&& function) {
  const WithoutGil unlocked;
  const Playing scope(machine);
  return function();
}

rt::CostTable costs_from(const py::list& given) {
  rt::CostTable table;
  if (given.size() != table.size()) throw py::value_error("costs: need one law for each of rt::Cost");
  for (std::size_t i = 0; i < table.size(); ++i) {
    const py::object law = given[i];
    table[i] =
        py::isinstance<py::tuple>(law) ? rt::CostLaw(law.cast<std::vector<rt::Nanos>>()) : rt::CostLaw(law.cast<rt::Nanos>());
  }
  return table;
}

rt::Fault fault_from(const py::tuple& given) {
  const auto kind = given[0].cast<std::string>();
  rt::Fault fault;
  fault.kind = kind == "stall" ? rt::Fault::Kind::stall : kind == "slow" ? rt::Fault::Kind::slow : rt::Fault::Kind::late_wake;
  fault.worker = given[1].cast<std::uint32_t>();
  fault.at = given[2].cast<rt::Nanos>();
  fault.length = given[3].cast<rt::Nanos>();
  fault.factor = given[4].cast<double>();
  return fault;
}

/// `options`: plain values that the Python layer has checked; see stealscope/simulation.py.
Shared make_machine(const py::dict& options) {
  auto machine = std::make_shared<SimState>();
  rt::SimOptions sim;
  sim.scheduler.workers = options["workers"].cast<std::uint32_t>();
  sim.scheduler.seed = options["seed"].cast<std::uint64_t>();
  sim.scheduler.policy = policy_from(options["policy"].cast<py::dict>());
  sim.scheduler.timeline_capacity = options["timeline"].cast<std::size_t>();
  sim.scheduler.timeline = sim.scheduler.timeline_capacity > 0;
  const auto schedule = options["schedule"].cast<std::string>();
  sim.schedule.assign(schedule.begin(), schedule.end());
  for (const auto& [number, by] : options["choices"].cast<std::vector<std::pair<std::uint64_t, std::uint32_t>>>()) {
    sim.choices.push_back({number, by});
  }
  sim.record_decisions = options["record_decisions"].cast<bool>();
  sim.costs = costs_from(options["costs"].cast<py::list>());
  sim.topology = options["topology"].cast<std::vector<rt::Nanos>>();
  sim.speeds = options["speeds"].cast<std::vector<double>>();
  for (const py::handle fault : options["faults"].cast<py::tuple>()) sim.faults.push_back(fault_from(fault.cast<py::tuple>()));
  machine->drive = std::make_unique<rt::SimDrive>(std::move(sim));
  machine->name = "sim";
  machine->owner = std::this_thread::get_id();
  register_world(machine);
  return machine;
}

const char* action_name(rt::SimStep::Action action) {
  switch (action) {
    case rt::SimStep::Action::poll: return "poll";
    case rt::SimStep::Action::work: return "work";
    case rt::SimStep::Action::look: return "look";
    case rt::SimStep::Action::turn: return "turn";
    case rt::SimStep::Action::rest: return "rest";
    case rt::SimStep::Action::stand: return "stand";
    case rt::SimStep::Action::leave: return "leave";
    case rt::SimStep::Action::outside: return "outside";
  }
  return "turn";
}

void raise_interrupt(SimState& machine) {
  if (!machine.interrupt) return;
  PyObject* error = machine.interrupt.release();
  PyErr_Restore(Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(error))), error, PyException_GetTraceback(error));
  throw py::error_already_set();
}

/// Plays a slice.
template <class Play>
rt::SimResult play(SimState& machine, Play&& play) {
  if (machine.is_playing) throw_runtime_error("this simulation is being played already; a task in it cannot play it on");
  machine.was_played = true;
  machine.check_touch("a simulation");
  const rt::SimResult ended = playing(machine, play);
  raise_interrupt(machine);
  return ended;
}

/// One step: (now, worker or None, action, task or None, victim or None, queue lengths, inject's length, sleepers); None if
/// nothing can move or no task lives.
py::object step(SimState& machine) {
  machine.last = play(machine, [&] { return machine.drive->play(1); });
  if (machine.last.end == rt::SimResult::End::finished || machine.last.end == rt::SimResult::End::deadlock) return py::none();
  const rt::SimStep& taken = machine.drive->last_step();
  const auto unless = [](auto value, auto none) { return value == none ? py::object(py::none()) : py::object(py::int_(value)); };
  py::list queues;
  for (const auto& remote : machine.shared().remotes) queues.append(remote->ready_tasks());
  return py::make_tuple(taken.now, unless(taken.worker, rt::SimStep::nobody), action_name(taken.action),
                        unless(taken.task, std::uint64_t{0}), unless(taken.victim, rt::SimStep::nobody), py::tuple(queues),
                        machine.shared().inject.len(), py::tuple(py::cast(machine.shared().idle_synced.sleepers)));
}

py::list spent(SimState& machine) {
  py::list result;
  for (const rt::TimeSpent& time : machine.last.spent) result.append(py::make_tuple(time.busy, time.searching, time.parked));
  return result;
}

py::list deviations(SimState& machine) {
  py::list result;
  for (const rt::Deviation& deviation : machine.last.deviations) result.append(py::make_tuple(deviation.number, deviation.by));
  return result;
}

/// How many options each decision had, if they were recorded.
py::list options(SimState& machine) {
  py::list result;
  for (const rt::Decision& decision : machine.drive->decisions()) result.append(decision.options);
  return result;
}

void stop(SimState& machine) {
  if (machine.is_playing) throw_runtime_error("a task of this simulation cannot stop it");
  playing(machine, [&] { machine.drive->stop(); });
}

}  // namespace

rt::Lane& SimState::lane() {
  static auto* lane = new SimLane;
  return *lane;
}

void SimState::check_touch(const char* call) const {
  if (std::this_thread::get_id() == owner) return;
  throw_runtime_error(std::string(call) +
                      ": a simulation belongs to the thread that runs it, and this is another one; do it there, or in a task "
                      "of the simulation");
}

const char* end_name(rt::SimResult::End end) {
  switch (end) {
    case rt::SimResult::End::finished: return "finished";
    case rt::SimResult::End::deadlock: return "deadlock";
    case rt::SimResult::End::step_limit: return "step_limit";
    case rt::SimResult::End::time_limit: return "time_limit";
  }
  return "finished";
}

rt::DumpResult SimState::dump(rt::Nanos limit) {
  const Playing scope(*this);
  return drive->dump(limit);
}

void SimState::check_open() const {
  check_touch("spawn()");
  if (is_playing || !drive->shared().is_closed()) return;
  throw_stealscope_error("RuntimeClosed", "this run of the simulation is over; Simulation.spawn() gives roots to the next one");
}

void SimState::check_wait() const {
  throw_runtime_error(
      "the task belongs to a simulation and has not ended, and nothing goes on while this thread waits: inside a task use "
      "`await`, outside call Simulation.run() or block_on() first");
}

void SimState::note_interrupt(PyObject* exception) {
  if (!interrupt) interrupt = PyRef::borrow(exception);
}

void init_simulation(py::module_& module) {
  py::class_<SimState, World, Shared> machine(module, "Machine", "The native half of a run of stealscope.Simulation.");
  machine.def(py::init(&make_machine), py::arg("options"))
      .def(
          "play",
          [](SimState& m, std::uint64_t max_steps, rt::Nanos until) {
            m.last = play(m, [&] { return m.drive->play(max_steps, until); });
            return end_name(m.last.end);
          },
          py::arg("max_steps"), py::arg("until_ns"), "Plays on for so many steps, and names what ended it.")
      .def(
          "adopt", [](SimState& m) { m.adopt(); }, "This thread plays it from now on; not while another one does.")
      .def("step", &step, "Plays one step, and says what it was.")
      .def(
          "publish", [](SimState& m) { m.drive->publish(); }, "Publishes all figures as they are now.")
      .def("spent", &spent, "By worker: ns busy, searching, parked.")
      .def("deviations", &deviations, "(number, k) of each decision that left the seed's answer.")
      .def("options", &options, "How many options each decision had, if they were recorded.")
      .def(
          "settle", [](SimState& m, std::uint64_t max_steps) { play(m, [&] { return m.drive->settle(max_steps); }); },
          py::arg("max_steps"), "Plays on until all workers sleep, so that their figures are published.")
      .def("stop", &stop, "Cancels what lives; the last figures stay.")
      .def_property_readonly("now", [](SimState& m) { return m.drive->now(); })
      .def_property_readonly("ended_at", [](SimState& m) { return m.last.now; })
      .def_property_readonly("steps", [](SimState& m) { return m.last.steps; })
      .def_property_readonly("decisions", [](SimState& m) { return m.last.decisions; })
      .def_property_readonly("trace_hash", [](SimState& m) { return m.last.trace_hash; })
      .def_property_readonly("was_played", [](SimState& m) { return m.was_played; })
      .def_property_readonly("is_playing", [](SimState& m) { return m.is_playing; });
  add_metrics(machine);
}

}  // namespace bind
