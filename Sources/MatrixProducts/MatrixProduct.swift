internal import COneDNN
import Tensors

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

  var library: dnnl_data_type_t {
    switch self {
    case .bfloat16: dnnl_bf16
    case .float32: dnnl_f32
    case .int8: dnnl_s8
    case .int32: dnnl_s32
    }
  }
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

  /// Elements from one stored row to the next.
  private var storedRowA: Int { rowStrideA ?? (transposesA ? m : k) }
  private var storedRowB: Int { rowStrideB ?? (transposesB ? k : n) }
  var storedRowC: Int { rowStrideC ?? n }

  /// Elements from one row of `op(a)` to the next, and from one column of `op(b)` to the next.
  var rowStepA: Int { transposesA ? 1 : storedRowA }
  var columnStepB: Int { transposesB ? storedRowB : 1 }

  /// The product that gives a part of the result, in the same memory.
  func part(_ extent: ProductGrid.Extent) -> ProductShape {
    var part = self
    (part.m, part.n) = (extent.rows, extent.columns)
    (part.rowStrideA, part.rowStrideB, part.rowStrideC) = (storedRowA, storedRowB, storedRowC)
    return part
  }
}

/// One matrix product, prepared once and run many times.
///
/// The result is cut into a grid of pieces, each computed by one thread (``ProductGrid``).
package final class MatrixProduct {
  private let shape: ProductShape
  private let grid: ProductGrid
  /// The products of pieces, by the size that they have: those at the lower and right edge may be smaller.
  private let products: [ProductGrid.Extent: PreparedProduct]

  /// - Parameter laneCount: Threads that may compute products at the same time.
  package init(
    _ shape: ProductShape, engine: Engine, grid: ProductGrid, laneCount: Int
  ) throws {
    self.shape = shape
    self.grid = grid
    var products: [ProductGrid.Extent: PreparedProduct] = [:]
    for extent in grid.extents {
      products[extent] = try PreparedProduct(
        shape.part(extent), engine: engine, laneCount: laneCount)
    }
    self.products = products
  }

  /// Computes the product on the whole team.
  package func run(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
    bias: UnsafePointer<Float>? = nil
  ) {
    ThreadTeam.forEach(grid.count) { piece, member in
      run(piece, a, b, c, bias: bias, lane: member)
    }
  }

  /// Computes the product inside a piece of the team's work, whose thread has the number `lane`.
  package func run(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
    bias: UnsafePointer<Float>? = nil, lane: Int
  ) {
    for piece in 0..<grid.count { run(piece, a, b, c, bias: bias, lane: lane) }
  }

  private func run(
    _ piece: Int, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeMutableRawPointer,
    bias: UnsafePointer<Float>?, lane: Int
  ) {
    let (row, column, extent) = grid[piece]
    products[extent]!.run(
      a + row * shape.rowStepA * shape.input.byteCount,
      b + column * shape.columnStepB * shape.input.byteCount,
      c + (row * shape.storedRowC + column) * shape.output.byteCount,
      bias: bias.map { $0 + column }, lane: lane)
  }
}
