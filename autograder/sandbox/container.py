"""Docker and Podman: the zygote in a container."""

import os
import shutil
from collections.abc import Sequence

from .backend import SCRATCH_SIZES, Backend
from .limits import LIMITS, MB

IMAGE = os.environ.get("AUTOGRADER_IMAGE", "rnncourse-jail")


class Container(Backend):
    """A container of IMAGE; no socket can be passed into it."""

    passes_sockets = False

    @classmethod
    def unavailable(cls) -> str | None:
        return None if shutil.which(cls.name) else f"{cls.name} is not installed"

    @property
    def scratch_folders(self) -> Sequence[str]:
        return tuple(SCRATCH_SIZES)

    def command(self, filter_descriptor: int | None = None) -> list[str]:
        command = [self.name, "run", "--rm", "--interactive", "--network=none", "--read-only"]
        command += ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=1000:1000"]
        # These two are a second fence, behind those of the zygote.
        command += [f"--memory={LIMITS.memory + 1024 * MB}"]
        command += [f"--pids-limit={LIMITS.processes * 2}"]
        for folder, size in SCRATCH_SIZES.items():
            command += ["--tmpfs", f"{folder}:rw,mode=1777,size={size}"]
        command += ["--volume", f"{self.staged}:/jail:ro", "--workdir=/scratch"]
        for name, value in self._zygote_environment("/jail").items():
            command += ["--env", f"{name}={value}"]
        return [*command, IMAGE, *self._zygote_command("python")]


class Docker(Container):
    """`--jail docker`"""

    name = "docker"


class Podman(Container):
    """`--jail podman`"""

    name = "podman"
