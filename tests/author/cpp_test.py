# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The polyvirt authors
"""The templates in C++, and one of them built with the SDK of a release to come."""

from author import DEVEL
from sessions import TemplateCase
from skew_test import INCLUDE, skew


class CppNull(TemplateCase):
    def test_serves_what_users_define(self):
        self.talk_to_cpp_null(self.cmake(self.copy_template("cpp-null")) / "plugins" / "template.so")

    def test_builds_with_clang_which_checks_the_locks(self):
        self.need("clang++")
        build = self.cmake(self.copy_template("cpp-null"), "-DCMAKE_CXX_COMPILER=clang++",
                           "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wthread-safety -Wthread-safety-beta -Werror")
        self.audit(build / "plugins" / "template.so")


class CppProcess(TemplateCase):
    def test_a_process_for_each_domain_and_its_end_noticed(self):
        self.talk_to_cpp_process(self.cmake(self.copy_template("cpp-process")) / "plugins" / "template.so")


class NewPlugin(TemplateCase):
    def test_in_cpp_works_too(self):
        """The SDK's glue asks for services by what it needs of them, and has null for what is not there."""
        plugin = self.folder / "template.so"
        source = DEVEL / "share/doc/polyvirt-plugin/templates/cpp-null/template.cpp"
        flags = self.run_tool("pkg-config", "--cflags", "--libs", "polyvirt-sdk").split()
        self.run_tool("g++", "-std=c++20", "-O0", f"-I{skew.newer(INCLUDE, self.folder / 'newer')}", "-fno-gnu-unique", "-o", plugin, source, *flags)
        self.talk_to_cpp_null(plugin)
