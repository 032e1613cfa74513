internal import COneDNN
internal import Diagnostics
import Tensors

/// A product that the matrix library has prepared for one thread.
///
/// Lane `i` belongs to thread `i` of the team: products on different lanes may run at the same time.
final class PreparedProduct {
  private struct Lane {
    var memories: [dnnl_memory_t?] = [nil, nil, nil, nil, nil]
    var scratch: UnsafeMutableRawPointer
  }

  private let primitive: dnnl_primitive_t
  /// Kept alive: everything that the library makes refers to its engine.
  private let engine: Engine
  private let hasBias: Bool
  private var lanes: [Lane] = []

  init(_ shape: ProductShape, engine: Engine, laneCount: Int) throws {
    func matrix(
      _ rows: Int, _ columns: Int, _ transposed: Bool, _ stride: Int?, _ type: ProductElement
    )
      -> onednn_matrix
    {
      let stride = Int64(stride ?? (transposed ? rows : columns))
      return onednn_matrix(
        rows: Int64(rows), columns: Int64(columns),
        strides: transposed ? (1, stride) : (stride, 1),
        type: type.library)
    }
    var a = matrix(shape.m, shape.k, shape.transposesA, shape.rowStrideA, shape.input)
    var b = matrix(shape.k, shape.n, shape.transposesB, shape.rowStrideB, shape.input)
    var c = matrix(shape.m, shape.n, false, shape.rowStrideC, shape.output)
    var bias = matrix(1, shape.n, false, nil, .float32)

    var primitive: dnnl_primitive_t?
    var scratchByteCount: Int64 = 0
    // The library plans for as many threads as it sees when it prepares.
    let status = ThreadTeam.alone {
      onednn_matmul_create(
        &primitive, &scratchByteCount, engine.engine, &a, &b, &c, shape.hasBias, shape.accumulates)
    }
    try check(
      status,
      "a product of \(shape.m) x \(shape.k) by \(shape.k) x \(shape.n) in \(shape.input.rawValue)")
    self.primitive = primitive!
    self.engine = engine
    hasBias = shape.hasBias

    for _ in 0..<laneCount {
      var lane = Lane(
        scratch: .allocate(byteCount: max(Int(scratchByteCount), 64), alignment: 64))
      try check(onednn_memory_create(&lane.memories[0], engine.engine, &a), "memory")
      try check(onednn_memory_create(&lane.memories[1], engine.engine, &b), "memory")
      try check(onednn_memory_create(&lane.memories[2], engine.engine, &c), "memory")
      try check(
        onednn_scratch_create(&lane.memories[3], engine.engine, max(scratchByteCount, 64)), "memory"
      )
      dnnl_memory_set_data_handle(lane.memories[3], lane.scratch)
      if hasBias {
        try check(onednn_memory_create(&lane.memories[4], engine.engine, &bias), "memory")
      }
      lanes.append(lane)
    }
  }

  deinit {
    for lane in lanes {
      for memory in lane.memories { if let memory { dnnl_memory_destroy(memory) } }
      lane.scratch.deallocate()
    }
    dnnl_primitive_destroy(primitive)
  }

  /// Computes the product on `lane`; inside a piece of the team, that of its thread.
  func run(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
    bias: UnsafePointer<Float>?, lane: Int
  ) {
    precondition(lane < lanes.count, "the team has grown since the product was prepared")
    let status = lanes.withUnsafeBufferPointer { lanes in
      let memories = lanes[lane].memories
      dnnl_memory_set_data_handle(memories[0], UnsafeMutableRawPointer(mutating: a))
      dnnl_memory_set_data_handle(memories[1], UnsafeMutableRawPointer(mutating: b))
      dnnl_memory_set_data_handle(memories[2], c)
      if hasBias {
        dnnl_memory_set_data_handle(memories[4], UnsafeMutableRawPointer(mutating: bias))
      }
      return withUnsafeTemporaryAllocation(of: dnnl_exec_arg_t.self, capacity: 5) { arguments in
        arguments[0] = dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: memories[0])
        arguments[1] = dnnl_exec_arg_t(arg: DNNL_ARG_WEIGHTS, memory: memories[1])
        arguments[2] = dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: memories[2])
        arguments[3] = dnnl_exec_arg_t(arg: DNNL_ARG_SCRATCHPAD, memory: memories[3])
        arguments[4] = dnnl_exec_arg_t(arg: DNNL_ARG_BIAS, memory: memories[4])
        return dnnl_primitive_execute(
          primitive, engine.stream, hasBias ? 5 : 4, arguments.baseAddress)
      }
    }
    if status == dnnl_out_of_memory { Memory.exhausted() }
    // Otherwise a prepared product over valid memory has no way to fail; if it does, no result may be used.
    precondition(status == dnnl_success, "the matrix library failed with status \(status.rawValue)")
  }
}

/// Throws if the matrix library refused to make something.
func check(_ status: dnnl_status_t, _ what: @autoclosure () -> String) throws {
  guard status == dnnl_success else {
    throw InputError(
      .unsupported, source: "oneDNN", "cannot prepare \(what()) (status \(status.rawValue))")
  }
}
