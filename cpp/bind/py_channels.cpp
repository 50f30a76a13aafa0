// channel() and oneshot() for Python: rt/sync with values that are references, and may be dropped on any thread.
#include "bind/classes.hpp"
#include "bind/py_sync.hpp"
#include "rt/sync/channel.hpp"
#include "rt/sync/oneshot.hpp"

namespace bind {
namespace {

using Sender = rt::Sender<PyRef>;
using Receiver = rt::Receiver<PyRef>;
using OneshotSender = rt::OneshotSender<PyRef>;
using OneshotReceiver = rt::OneshotReceiver<PyRef>;

PyRef ref_of(const py::object& value) { return PyRef::borrow(value.ptr()); }
py::object object_of(PyRef&& value) { return py::reinterpret_steal<py::object>(value.release()); }

constexpr auto take_value = [](auto& leaf) { return leaf.take().release(); };

/// Of `async for`: the end of the channel ends the loop.
constexpr auto take_next = [](auto& leaf) -> PyObject* {
  std::optional<PyRef> value = leaf.take();
  if (value) return value->release();
  PyErr_SetNone(PyExc_StopAsyncIteration);
  return nullptr;
};

/// (True, value), or (False, None) if there is none yet: None itself may be a value.
py::tuple maybe(std::optional<PyRef>&& value) {
  if (!value) return py::make_tuple(false, py::none());
  return py::make_tuple(true, object_of(std::move(*value)));
}

/// The same for an end of either kind.
template <class End>
py::tuple recv_blocking(const End& end, rt::Nanos timeout_ns, const char* call, const char* instead) {
  const End kept = end;  // the Python object may go while the GIL is free
  std::optional<PyRef> value;
  wait_blocking(call, instead, [&](const auto& give_up) {
    value = kept.recv_blocking(timeout_ns, give_up);
    return value.has_value();
  });
  return maybe(std::move(value));
}

bool send_blocking(const Sender& sender, const py::object& value, rt::Nanos timeout_ns) {
  const Sender kept = sender;
  PyRef ref = ref_of(value);
  return wait_blocking("Sender.send_blocking()", "tx.send(value)",
                       [&](const auto& give_up) { return kept.send_blocking(std::move(ref), timeout_ns, give_up); });
}

template <class End>
void add_state(py::class_<End>& type) {
  type.def("close", [](End& end) { with_sync_errors([&] { end.close(); }); })
      .def("is_closed", &End::is_closed)
      .def("size", &End::size)
      .def("capacity", &End::capacity);
}

void init_channel(py::module_& module) {
  py::class_<Sender> sender(module, "Sender");
  sender
      .def("send", [](const Sender& tx,
                      const py::object& value) { return await_leaf<take_none>([&] { return tx.send_later(ref_of(value)); }); })
      .def("try_send",
           [](const Sender& tx, const py::object& value) { return with_sync_errors([&] { return tx.try_send(ref_of(value)); }); })
      .def("send_blocking", &send_blocking);
  add_state(sender);
  py::class_<Receiver> receiver(module, "Receiver");
  receiver.def("recv", [](const Receiver& rx) { return await_leaf<take_value>([&] { return rx.recv_later(); }); })
      .def("next", [](const Receiver& rx) { return await_leaf<take_next>([&] { return rx.next_later(); }); })
      .def("try_recv", [](const Receiver& rx) { return maybe(with_sync_errors([&] { return rx.try_recv(); })); })
      .def("recv_blocking", [](const Receiver& rx, rt::Nanos timeout_ns) {
        return recv_blocking(rx, timeout_ns, "Receiver.recv_blocking()", "rx.recv()");
      });
  add_state(receiver);
  module.def("channel", [](std::size_t capacity) {
    auto [tx, rx] = with_sync_errors([&] { return rt::channel<PyRef>(capacity); });
    return py::make_tuple(std::move(tx), std::move(rx));
  });
}

void init_oneshot(py::module_& module) {
  py::class_<OneshotSender>(module, "OneshotSender")
      .def("send",
           [](OneshotSender& tx, const py::object& value) { return with_sync_errors([&] { return tx.send(ref_of(value)); }); })
      .def("is_closed", &OneshotSender::is_closed);
  py::class_<OneshotReceiver>(module, "OneshotReceiver")
      .def("recv", [](const OneshotReceiver& rx) { return await_leaf<take_value>([&] { return rx.recv(); }); })
      .def("try_recv", [](const OneshotReceiver& rx) { return maybe(with_sync_errors([&] { return rx.try_recv(); })); })
      .def("close", &OneshotReceiver::close)
      .def("recv_blocking", [](const OneshotReceiver& rx, rt::Nanos timeout_ns) {
        return recv_blocking(rx, timeout_ns, "OneshotReceiver.recv_blocking()", "rx");
      });
  module.def("oneshot", [] {
    auto [tx, rx] = rt::oneshot<PyRef>();
    return py::make_tuple(std::move(tx), std::move(rx));
  });
}

}  // namespace

void init_channels(py::module_& module) {
  init_channel(module);
  init_oneshot(module);
}

}  // namespace bind
