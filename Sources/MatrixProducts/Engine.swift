internal import COneDNN

/// The matrix library's engine and stream; whoever prepared something with them keeps them.
package final class Engine {
  let engine: dnnl_engine_t
  let stream: dnnl_stream_t

  package init() throws {
    var engine: dnnl_engine_t?
    try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "an engine")
    guard let engine else { preconditionFailure("the library reported an engine and made none") }
    self.engine = engine
    var stream: dnnl_stream_t?
    do {
      try check(
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue), "a stream")
    } catch {
      dnnl_engine_destroy(engine)
      throw error
    }
    guard let stream else { preconditionFailure("the library reported a stream and made none") }
    self.stream = stream
  }

  deinit {
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(engine)
  }
}
