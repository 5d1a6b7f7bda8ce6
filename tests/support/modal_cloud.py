"""Modal's cloud on loopback, as far as `modal deploy` goes: it records what the real client asks it for."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from grpclib import GRPCError
from grpclib.server import Server
from modal_proto import api_grpc, api_pb2

__all__ = ["ModalCloud", "modal_cloud"]


class ModalCloud:
    """What was asked for, in order.

    Attributes:
        address: Of the server, for `MODAL_SERVER_URL`.
        calls: Names of the methods and their requests.
    """

    def __init__(self) -> None:
        self.address = ""
        self.calls: list[tuple[str, Any]] = []

    def asked(self, method: str) -> list[Any]:
        """The requests to one method."""
        return [request for name, request in self.calls if name == method]

    def __mapping__(self) -> dict[str, Any]:
        """What grpclib asks for: a handler a path, here one that records, for every method of the protocol."""
        described = api_grpc.ModalClientBase.__mapping__(cast("Any", _Unbound()))
        return {
            path: handler._replace(func=self._record(path, handler.reply_type)) for path, handler in described.items()
        }

    def _record(self, path: str, reply_type: type[Any]) -> Callable[[Any], Any]:
        method = path.rpartition("/")[2]

        async def handle(stream: Any) -> None:
            request = await stream.recv_message()
            self.calls.append((method, request))
            answer = _ANSWERS.get(method, lambda _request: reply_type())(request)
            if isinstance(answer, GRPCError):
                raise answer
            await stream.send_message(answer)

        return handle


class _Unbound:
    """Stands in for an implementation: of the protocol's mapping only the types are wanted."""

    def __getattr__(self, name: str) -> None:
        return None


def _handle(function: api_pb2.Function) -> api_pb2.FunctionHandleMetadata:
    """What the client is told of a function, with the addresses of its endpoints."""
    return api_pb2.FunctionHandleMetadata(
        function_name=function.function_name,
        is_method=False,
        method_handle_metadata={
            name: api_pb2.FunctionHandleMetadata(
                function_name=method.function_name,
                is_method=True,
                web_url=f"https://you--plyr-clap-clapservice-{name.replace('_', '-')}.modal.run",
            )
            for name, method in function.method_definitions.items()
        },
    )


_ANSWERS: dict[str, Callable[[Any], Any]] = {
    "EnvironmentGetOrCreate": lambda _: api_pb2.EnvironmentGetOrCreateResponse(
        environment_id="en-1",
        metadata=api_pb2.EnvironmentMetadata(
            name="main", settings=api_pb2.EnvironmentSettings(image_builder_version="2025.06", webhook_suffix="")
        ),
    ),
    "AppCreate": lambda _: api_pb2.AppCreateResponse(app_id="ap-1"),
    "ClassCreate": lambda _: api_pb2.ClassCreateResponse(class_id="cs-1"),
    "MountPutFile": lambda _: api_pb2.MountPutFileResponse(exists=True),
    "MountGetOrCreate": lambda _: api_pb2.MountGetOrCreateResponse(mount_id="mo-1"),
    "ImageGetOrCreate": lambda _: api_pb2.ImageGetOrCreateResponse(
        image_id="im-1", result=api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
    ),
    "FunctionPrecreate": lambda _: api_pb2.FunctionPrecreateResponse(function_id="fu-1"),
    "FunctionCreate": lambda request: api_pb2.FunctionCreateResponse(
        function_id="fu-1",
        function=request.function,
        function_data=api_pb2.FunctionData(
            ranked_functions=[api_pb2.FunctionData.RankedFunction(function=request.function)]
        ),
        handle_metadata=_handle(request.function),
    ),
    "AppPublish": lambda _: api_pb2.AppPublishResponse(url="http://127.0.0.1/apps/ap-1"),
}


@contextmanager
def modal_cloud() -> Iterator[ModalCloud]:
    """Serve it in a thread."""
    cloud = ModalCloud()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve(listener: socket.socket) -> None:
        server = Server([cloud])
        await server.start(sock=listener)
        await stop.wait()
        server.close()
        await server.wait_closed()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        cloud.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=lambda: loop.run_until_complete(serve(listener)))
        thread.start()
        try:
            yield cloud
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            loop.close()
