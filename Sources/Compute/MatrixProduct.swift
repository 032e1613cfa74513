internal import COneDNN
internal import Diagnostics
internal import Tensors

/// The types of a product's operands and results.
package enum ProductElement: String, Sendable {
  case bfloat16 = "bf16"
  case float32 = "f32"
  /// Operands of products whose results are ``int32``.
  case int8
  case int32

  package var byteCount: Int {
    switch self {
    case .int8: 1
    case .bfloat16: 2
    case .float32, .int32: 4
    }
  }

  fileprivate var library: dnnl_data_type_t {
    switch self {
    case .bfloat16: dnnl_bf16
    case .float32: dnnl_f32
    case .int8: dnnl_s8
    case .int32: dnnl_s32
    }
  }
}

extension ComputeType {
  /// This type in a product.
  package var product: ProductElement { self == .bfloat16 ? .bfloat16 : .float32 }
}

/// What a matrix product looks like: `c [m, n] = op(a) [m, k] · op(b) [k, n]`, all row-major.
package struct ProductShape: Hashable {
  package var m: Int
  package var n: Int
  package var k: Int
  /// Whether `a` is stored `[k, m]` and used transposed.
  package var transposesA = false
  /// Whether `b` is stored `[n, k]` and used transposed.
  package var transposesB = false
  /// Elements from one stored row to the next; nil: rows are contiguous.
  package var rowStrideA: Int?
  package var rowStrideB: Int?
  package var rowStrideC: Int?
  /// Type of `a` and `b`.
  package var input: ProductElement
  /// Type of `c`. Sums are f32 in any case, but those of 8-bit integers are exact.
  package var output: ProductElement
  /// Whether the product is added to what `c` holds.
  package var accumulates = false
  /// Whether a bias `[n]` in f32 is added to each row.
  package var hasBias = false

  package init(
    m: Int, n: Int, k: Int, transposesA: Bool = false, transposesB: Bool = false,
    rowStrideA: Int? = nil, rowStrideB: Int? = nil, rowStrideC: Int? = nil, input: ProductElement,
    output: ProductElement, accumulates: Bool = false, hasBias: Bool = false
  ) {
    self.m = m
    self.n = n
    self.k = k
    self.transposesA = transposesA
    self.transposesB = transposesB
    self.rowStrideA = rowStrideA
    self.rowStrideB = rowStrideB
    self.rowStrideC = rowStrideC
    self.input = input
    self.output = output
    self.accumulates = accumulates
    self.hasBias = hasBias
  }
}

/// One matrix product, prepared once and run many times.
///
/// Lane `i` belongs to thread `i` of the team: products on different lanes may run at the same time, each
/// on its own thread. A product run outside a parallel region uses lane 0 and the whole team.
package final class MatrixProduct {
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
    try check(
      onednn_matmul_create(
        &primitive, &scratchByteCount, engine.engine, &a, &b, &c, shape.hasBias, shape.accumulates),
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

  /// Computes the product.
  package func run(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
    bias: UnsafePointer<Float>? = nil, lane: Int = 0
  ) {
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
