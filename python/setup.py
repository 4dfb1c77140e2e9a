"""The wheel: setuptools, whose build of the extension is CMake's, from this repository."""

import pathlib
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).resolve().parent.parent


class CMakeBuild(build_ext):
    def build_extension(self, extension):
        build = pathlib.Path(self.build_temp).resolve()
        subprocess.run(
            [
                "cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                f"-DPython_EXECUTABLE={sys.executable}",
                "-DCOPROC_BUILD_PYTHON=ON", "-DCOPROC_BUILD_TESTS=OFF", "-DCOPROC_BUILD_EXAMPLES=OFF",
                "-DCOPROC_BUILD_COMMAND=OFF",
                "-DCOPROC_INSTALL=OFF",
            ],
            check=True,
        )  # fmt: skip
        subprocess.run(["cmake", "--build", build, "--target", "coproc_python"], check=True)
        target = pathlib.Path(self.get_ext_fullpath(extension.name)).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        (built,) = (build / "python" / "coproc").glob("_core*.so")
        self.copy_file(str(built), str(target))
        self.copy_file(str(build / "bin" / "coproc-agent"), str(target.parent / "coproc-agent"))
        for license in (ROOT / "LICENSE", ROOT / "src" / "agent" / "LICENSE.openssl"):
            self.copy_file(str(license), str(target.parent / license.name))


setup(ext_modules=[Extension("coproc._core", [])], cmdclass={"build_ext": CMakeBuild})
