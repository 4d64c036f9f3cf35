"""Guards that simulations rest on: settings as inputs, updates around calls, records, delivery."""

from tests.meta.mutation import Mutation

__all__ = ["MUTATIONS"]

_SETTINGS = ("tests/transform/compile/test_settings.py", "tests/state/test_setting.py")
_DYNAMICS = ("tests/nn/dynamics/test_dynamics.py",)
_DELAYS = ("tests/nn/dynamics/test_delay.py", "tests/nn/dynamics/test_prefetch.py")
_DELIVERY = ("tests/nn/dynamics/test_delivery.py",)
_RECORDS = ("tests/nn/looking/test_watch.py",)
MUTATIONS = [
    Mutation(
        "numbers of time are inputs of a compilation",
        "brainlite/environ/_store.py",
        "return all(map(is_numeric, leaves)) and (key in _TIMES or any(map(_is_array, leaves)))",
        "return all(map(is_numeric, leaves)) and any(map(_is_array, leaves))",
        _SETTINGS,
    ),
    Mutation(
        "settings that are arrays are inputs of a compilation",
        "brainlite/environ/_store.py",
        "return all(map(is_numeric, leaves)) and (key in _TIMES or any(map(_is_array, leaves)))",
        "return all(map(is_numeric, leaves)) and key in _TIMES",
        _SETTINGS,
    ),
    Mutation(
        "a setting that is an input is read through the frame",
        "brainlite/state/_setting.py",
        "return value if frame is None else frame.read(setting)",
        "return value",
        _SETTINGS,
    ),
    Mutation(
        "a setting that is made inside is no input",
        "brainlite/state/_setting.py",
        "    if frame is not None:\n        frame.make(setting, value)\n",
        "",
        _SETTINGS,
    ),
    Mutation(
        "a setting that is an input has the value that holds here",
        "brainlite/state/_setting.py",
        "return self if found is None else found.slot",
        "return self",
        _SETTINGS,
    ),
    Mutation(
        "a call of a model of one's own runs what is around it",
        "brainlite/nn/_modules/module.py",
        "if maker is None or maker in _aliased:",
        "if True:",
        (*_DYNAMICS, "tests/nn/modules/test_module.py"),
    ),
    Mutation(
        "a call that is inherited is seen by who looks",
        "brainlite/nn/_modules/module.py",
        "        elif maker is not cls:  # what",
        "        elif False:  # what",
        _RECORDS,
    ),
    Mutation(
        "the key of an update is taken once",
        "brainlite/nn/_dynamics/dynamics.py",
        "        if key in (there or {}):\n            raise NameTakenError(",
        "        if False:\n            raise NameTakenError(",
        _DYNAMICS,
    ),
    Mutation(
        "an eager step that holds what is foreign is not kept",
        "brainlite/nn/_dynamics/dynamics.py",
        "return guarded(run, args[0])",
        "return run()",
        _DYNAMICS,
    ),
    Mutation(
        "a delay that is longer than the history is refused",
        "brainlite/nn/_dynamics/delay.py",
        "if numbers.size and (numbers.min() < 0 or numbers.max() > most):",
        "if False:",
        _DELAYS,
    ),
    Mutation(
        "a negative delay is refused",
        "brainlite/nn/_dynamics/delay.py",
        " and np.isfinite(numbers).all() and numbers.min() >= 0:",
        ":",
        _DELAYS,
    ),
    Mutation(
        "a multiple of a step is that many steps",
        "brainlite/nn/_dynamics/delay.py",
        "np.ceil(_number(time / self._every()) - _SLACK)",
        "np.ceil(_number(time / self._every()))",
        _DELAYS,
    ),
    Mutation(
        "what does not fit the history is refused",
        "brainlite/nn/_dynamics/delay.py",
        "        self._check_fits(x, history)\n",
        "",
        _DELAYS,
    ),
    Mutation(
        "all spikes arrive where more fire than are gathered",
        "brainlite/nn/_dynamics/delivery.py",
        "packed.upto[-1] <= most, few",
        "True, few",
        _DELIVERY,
    ),
    Mutation(
        "a silent neuron has its gradient",
        "brainlite/nn/_dynamics/delivery.py",
        "    return to_events.astype(events.dtype), to_weight",
        "    return (to_events * (events != 0)).astype(events.dtype), to_weight",
        _DELIVERY,
    ),
    Mutation(
        "each step is recorded where steps share a frame",
        "brainlite/transform/_engine/_watch.py",
        "        each.forget()  # under `jax.disable_jit` the steps share a frame\n",
        "",
        _RECORDS,
    ),
    Mutation(
        "the step that is kept is the first of so many",
        "brainlite/transform/_engine/_watch.py",
        "step if self._reverse else step + self._every - 1",
        "step",
        _RECORDS,
    ),
    Mutation(
        "steps are counted from the first one of a loop that runs backwards, too",
        "brainlite/transform/_engine/_watch.py",
        "self._length - 1 - done if self._reverse else done",
        "done",
        _RECORDS,
    ),
    Mutation(
        "what a loop in a step has kept is kept for each step",
        "brainlite/transform/_engine/_watch.py",
        "in all_of_it.items() if path not in inner}",
        "in all_of_it.items()}",
        _RECORDS,
    ),
]
