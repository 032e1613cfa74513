internal import COneDNN
internal import Diagnostics
import Tensors

/// The processor that programs run on: the matrix library's handles and its prepared products.
///
/// One thread at a time may use a device; the work inside is shared out over the ``ThreadTeam``.
package final class Device {
  /// What activations and weights are held as.
  package let compute: ComputeType
  private let engine: Engine
  private var products: [Key: MatrixProduct] = [:]

  private struct Key: Hashable {
    var shape: ProductShape
    var perThread: Bool
  }

  /// - Throws: `unsupported` for a type that this processor does not multiply.
  package init(compute: ComputeType) throws {
    guard compute.isAvailable else {
      throw InputError(
        .unsupported, source: OptionName.compute.description,
        "this processor has no \(compute.rawValue) products (AVX-512 BF16); expected f32 or auto")
    }
    self.compute = compute
    engine = try Engine()
  }

  /// The product of this shape, prepared at the first call.
  ///
  /// - Parameter perThread: Whether the product is run as a whole by one thread inside a piece of the
  ///   team's work, rather than in pieces by the whole team.
  package func product(_ shape: ProductShape, perThread: Bool = false) throws -> MatrixProduct {
    let key = Key(shape: shape, perThread: perThread)
    if let product = products[key] { return product }
    let teamSize = ThreadTeam.size
    let product = try MatrixProduct(
      shape, engine: engine,
      grid: perThread ? ProductGrid(whole: shape) : ProductGrid(shape, members: teamSize),
      laneCount: teamSize)
    products[key] = product
    return product
  }
}

/// The matrix library's engine and stream; whoever prepared something with them keeps them.
final class Engine {
  let engine: dnnl_engine_t
  let stream: dnnl_stream_t

  init() throws {
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
