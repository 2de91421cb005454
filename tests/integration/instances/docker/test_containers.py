"""One container, with a real Docker engine: started, asked, stopped, and what it leaves."""

from __future__ import annotations

import asyncio
from typing import Any

from faas.engine.contract.revision import SecurityPlan
from faas.engine.instances.driver import ExitStatus, File, Mount, Stream
from tests.integration.instances.docker.conftest import KEY, World

MIB = 1024 * 1024


def sh(script: str) -> dict[str, Any]:
    return {"command": ("/bin/sh", "-c"), "args": (script,)}


def outcome(world: World, shell: str, script: str, **launch: Any) -> tuple[ExitStatus, list[tuple[Stream, bytes]]]:
    """How a container with this script ends, and what it prints."""

    async def run() -> tuple[ExitStatus, list[tuple[Stream, bytes]]]:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell), **sh(script), **launch)
            status = await one.exited()
            driver.pod_ended(KEY, "hello-00001-x")
            await world.nothing_left()
            return status, one.lines

    return asyncio.run(run())


def test_an_image_in_any_language_serves_is_stopped_and_leaves_nothing(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell))
            await one.ready()
            assert await one.get() == b"hello from a shell\n"
            assert not one.run.announces_ready
            one.run.stop()
            assert (await one.exited()).code == 143
            await world.nothing_left()
        assert world.networks() == []

    asyncio.run(run())


def test_what_it_prints_is_told_line_by_line_and_before_its_end(world: World, shell: str) -> None:
    status, lines = outcome(world, shell, "echo one; echo two >&2; printf 'no end'; exit 5")
    assert status == ExitStatus(5)
    assert status.reason == "ExitCode5"
    assert sorted(lines) == [("stderr", b"two"), ("stdout", b"no end"), ("stdout", b"one")]


def test_not_one_of_many_lines_is_lost(world: World, shell: str) -> None:
    script = 'i=0; while [ $i -lt 20000 ]; do echo "line $i of a log that is longer than any buffer"; i=$((i+1)); done'
    _, lines = outcome(world, shell, script)
    assert [line.split()[1] for _, line in lines] == [b"%d" % number for number in range(20000)]


def test_a_stop_lets_it_finish(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done"
            one = world.start(driver, await world.image(driver, shell), **sh(script))
            await one.printed(b"up")
            one.run.stop()
            assert await one.exited() == ExitStatus(3)
            assert one.lines[-1] == ("stdout", b"bye")

    asyncio.run(run())


def test_one_that_does_not_want_to_stop_is_killed(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            script = "trap '' TERM; echo up; while :; do sleep 0.05; done"
            one = world.start(driver, await world.image(driver, shell), **sh(script))
            await one.printed(b"up")
            one.run.stop()
            one.run.kill()
            assert (await one.exited()).code == 137

    asyncio.run(run())


def test_one_that_is_stopped_before_it_has_started_does_not_stay(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell))
            one.run.stop()
            await one.exited()
            await world.nothing_left()

    asyncio.run(run())


def test_a_program_that_is_not_in_the_image_is_a_readable_failure(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell), command=("/nowhere",))
            status = await one.exited()
            assert status.code in (127, 128)
            assert any(b"/nowhere" in line for _, line in one.lines)

    asyncio.run(run())


def test_a_folder_that_is_a_file_is_a_start_error(world: World, shell: str) -> None:
    status, lines = outcome(world, shell, "true", working_dir="/bin/sh")
    assert (status.code, status.reason) == (128, "StartError")
    assert b"/bin/sh" in lines[-1][1]


def test_too_much_memory_is_oom_killed(world: World, shell: str) -> None:
    script = "x=0123456789abcdef; while :; do x=$x$x; done"
    status, _ = outcome(world, shell, script, memory_limit_bytes=16 * MIB)
    assert status.oom_killed
    assert status.reason == "OOMKilled"


def test_run_as_non_root_refuses_an_image_of_root(world: World, shell: str) -> None:
    status, lines = outcome(world, shell, "id", security=SecurityPlan(non_root=True))
    assert status.start_error == "container has runAsNonRoot and image will run as root"
    assert lines == [("stderr", b"container has runAsNonRoot and image will run as root")]


def test_it_runs_as_the_revision_says(world: World, shell: str) -> None:
    script = "id -u; id -g; touch /x 2>/dev/null || echo read-only; cat /proc/self/status; pwd"
    security = SecurityPlan(
        user=1234, group=5678, read_only_root=True, allow_privilege_escalation=False, drop_capabilities=("ALL",)
    )
    _, lines = outcome(world, shell, script, security=security, working_dir="/www")
    said = [line.decode() for _, line in lines]
    assert said[:3] == ["1234", "5678", "read-only"]
    assert "NoNewPrivs:\t1" in said
    assert "CapBnd:\t0000000000000000" in said
    assert said[-1] == "/www"


def test_it_has_the_environment_it_was_given_and_its_pods_name(world: World, shell: str) -> None:
    _, lines = outcome(world, shell, 'echo "$K_SERVICE $PORT $EMPTY. $HOSTNAME"', env={"K_SERVICE": "hi", "EMPTY": ""})
    assert lines == [("stdout", b"hi 8080 . hello-00001-x")]


def test_files_of_secrets_are_there_for_any_user_and_read_only(world: World, shell: str) -> None:
    files = (File("password", b"\x00secret"), File("deep/er/key", b"k\n", 0o444))
    mounts = (
        Mount("/etc/creds", "creds", files),
        Mount("/one", "creds", files, sub_path="deep/er/key"),
    )
    script = "cat /etc/creds/deep/er/key /one; stat -c '%a %s' /etc/creds/password; touch /etc/creds/x || echo refused"
    _, lines = outcome(world, shell, script, mounts=mounts, security=SecurityPlan(user=4321))
    assert [line for stream, line in lines if stream == "stdout"] == [b"k", b"k", b"644 7", b"refused"]


def test_a_sub_path_that_is_not_there_is_a_start_error(world: World, shell: str) -> None:
    mounts = (Mount("/one", "creds", (File("a", b""),), sub_path="b"),)
    status, _ = outcome(world, shell, "true", mounts=mounts)
    assert "failed to prepare subPath" in status.start_error


def test_an_empty_directory_is_everybodys_and_survives_a_restart_but_not_its_pod(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            mounts = (
                Mount("/data", "data", None, read_only=False),
                Mount("/mem", "mem", None, read_only=False, in_memory=True, size_limit_bytes=MIB),
            )
            script = "cat /data/x 2>/dev/null; echo kept > /data/x; cat /bin/busybox > /mem/x || echo full"
            security = SecurityPlan(user=1234)
            first = world.start(driver, image, mounts=mounts, security=security, **sh(script))
            await first.exited()
            assert [line for stream, line in first.lines if stream == "stdout"] == [b"full"]
            second = world.start(driver, image, mounts=mounts, security=security, run=1, **sh(script))
            await second.exited()
            assert ("stdout", b"kept") in second.lines
            driver.pod_ended(KEY, "hello-00001-x")
            await world.nothing_left()

    asyncio.run(run())


def test_an_exec_probe_sees_the_containers_own_world(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell), env={"A": "b"})
            await one.ready()
            assert await one.run.execute(("/bin/sh", "-c", "test $A = b"), {}, 10.0) == ""
            assert await one.run.execute(("false",), {}, 10.0) == "the command ended with exit code 1"
            assert await one.run.execute(("sleep", "60"), {}, 0.2) == "no answer within 0.2 s"
            assert "exit code 12" in await one.run.execute(("nothing-there",), {}, 10.0)

    asyncio.run(run())


def test_a_probes_command_that_hangs_is_not_begun_again_before_it_has_ended(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell))
            await one.ready()
            hangs = ("/bin/sh", "-c", "test ! -e /tmp/on || exit 0; while ! test -e /tmp/end; do sleep 0.05; done")
            assert await one.run.execute(hangs, {}, 1.0) == "no answer within 1 s"
            assert await one.run.execute(hangs, {}, 10.0) == "the command of an earlier probe has not ended"
            assert await one.run.execute(("touch", "/tmp/on", "/tmp/end"), {}, 10.0) == ""
            async with asyncio.timeout(30):
                while await one.run.execute(hangs, {}, 10.0):  # noqa: ASYNC110  until Docker has seen its end
                    await asyncio.sleep(0.05)

    asyncio.run(run())


def test_sidecars_share_the_network_and_the_volumes_of_their_pod(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            mounts = (Mount("/shared", "shared", None, read_only=False),)
            serving = world.start(driver, image, mounts=mounts, **sh("exec httpd -f -p $PORT -h /shared"))
            await serving.ready()
            script = "echo from beside > /shared/index.html; exec httpd -f -p 9000 -h /shared"
            beside = world.start(
                driver, image, mounts=mounts, beside=serving, name="side", port=9000, **sh(script)
            )  # fmt: skip
            await beside.ready()
            assert await beside.get() == b"from beside\n"
            assert await serving.get() == b"from beside\n"
            assert serving.run.reach(9000) == beside.run.address
            beside.run.stop()
            await beside.exited()
            serving.run.stop()
            await serving.exited()
            driver.pod_ended(KEY, "hello-00001-x")
            await world.nothing_left()

    asyncio.run(run())


def test_instances_do_not_reach_each_other(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            one = world.start(driver, image, pod="one")
            await one.ready()
            await one.answers()
            other = world.start(driver, image, pod="other")
            await other.ready()
            address = one.run.address.removeprefix("tcp:")
            failure = await other.run.execute(("wget", "-T", "1", "-q", "-O", "-", f"http://{address}/"), {}, 20.0)
            assert failure

    asyncio.run(run())


def test_a_container_that_somebody_removes_has_exited(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell))
            await one.ready()
            await asyncio.to_thread(lambda: world.containers()[0].remove(force=True))
            assert (await one.exited()).code in (137, None)

    asyncio.run(run())


def test_many_at_once(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            runs = [world.start(driver, image, pod=f"p{number}") for number in range(10)]
            for one in runs:
                await one.ready()
            assert len({one.run.address for one in runs}) == 10
            for one in runs:
                one.run.stop()
            for one in runs:
                await one.exited()
            await world.nothing_left()

    asyncio.run(run())
