/// How the result of a product is cut into pieces for the threads of the team.
///
/// Several pieces for each thread, so that one which other programs slow down leaves some of its pieces to the
/// others; but each piece large. The matrix library copies operands into an order of its own for each
/// piece: `b` for each of the pieces below each other, and `a`, where it is transposed, for each of those
/// side by side. And for narrow results, with 1 / rows + 1 / columns of 0.0038 and more, oneDNN 2.6 without
/// AVX-512 has other loops for f32, which take 2.5 to 2.7 times as long where sums are long: 512 x 512 of 4096
/// products beside 1024 x 512, on two Zen 3 cores.
package struct ProductGrid: Hashable {
  /// The size of a piece.
  struct Extent: Hashable {
    var rows: Int
    var columns: Int
  }

  private let size: Extent
  private let piece: Extent
  private let piecesSideBySide: Int
  let count: Int

  /// One piece.
  package init(whole shape: ProductShape) {
    self.init(
      Extent(rows: shape.m, columns: shape.n), piece: Extent(rows: shape.m, columns: shape.n))
  }

  /// A grid for `members` threads. One and two threads have the same, so that they compute the same bytes
  /// also where the library adds up the sums of smaller pieces in another order.
  package init(_ shape: ProductShape, members: Int) {
    let whole = Extent(rows: shape.m, columns: shape.n)
    let operations = 2 * Double(shape.m) * Double(shape.n) * Double(shape.k)
    guard operations >= Self.leastOperations else {
      self.init(whole: shape)
      return
    }
    let members = max(members, 2)
    for piecesOfMember in [4, 3, 2] {
      if let best = Self.best(shape, count: members * piecesOfMember, least: Self.leastEdge) {
        self.init(whole, piece: best)
        return
      }
    }
    // At most one piece for each thread; fewer where that is faster.
    let candidates = (1...members).reversed().compactMap { Self.best(shape, count: $0, least: 1) }
    let best = candidates.min { Self.seconds($0, of: shape) < Self.seconds($1, of: shape) }
    self.init(whole, piece: best ?? whole)
  }

  /// The shortest edge of a piece that costs nothing to speak of.
  private static let leastEdge = 768
  /// Below this, handing out pieces takes longer than computing them.
  private static let leastOperations = 2e5
  /// Pieces begin at multiples of this many rows and columns, which is what the library's inner loops do
  /// at once.
  private static let step = 32

  /// How long a piece takes, in a unit of no meaning.
  private static func seconds(_ piece: Extent, of shape: ProductShape) -> Double {
    func isNarrow(_ rows: Int, _ columns: Int) -> Bool {
      shape.input == .float32 && 1 / Double(rows) + 1 / Double(columns) >= 0.0038
    }
    let isSlow = isNarrow(piece.rows, piece.columns) && !isNarrow(shape.m, shape.n)
    return Double(piece.rows * piece.columns) * (isSlow ? 2.6 : 1)
  }

  /// The piece that cuts the result in `count` parts with the least copying; nil if each way makes edges
  /// shorter than `least`.
  private static func best(_ shape: ProductShape, count: Int, least: Int) -> Extent? {
    func edge(_ length: Int, _ parts: Int) -> Int? {
      guard parts > 1 else { return length }
      let edge = ((length + parts - 1) / parts + step - 1) / step * step
      return edge >= least && edge * (parts - 1) < length ? edge : nil
    }
    var best: (extent: Extent, cost: Double)?
    for below in 1...count where count.isMultiple(of: below) {
      let beside = count / below
      guard let rows = edge(shape.m, below), let columns = edge(shape.n, beside) else { continue }
      // What is copied for each multiplication.
      let cost =
        Double(below) / Double(shape.m)
        + (shape.transposesA ? 1 : 0.25) * Double(beside) / Double(shape.n)
      if cost < best?.cost ?? .infinity {
        best = (Extent(rows: rows, columns: columns), cost)
      }
    }
    return best?.extent
  }

  private init(_ size: Extent, piece: Extent) {
    self.size = size
    self.piece = piece
    piecesSideBySide = (size.columns + piece.columns - 1) / piece.columns
    count = (size.rows + piece.rows - 1) / piece.rows * piecesSideBySide
  }

  /// Where piece `index` begins, and its size.
  subscript(index: Int) -> (row: Int, column: Int, extent: Extent) {
    let (below, beside) = index.quotientAndRemainder(dividingBy: piecesSideBySide)
    let (row, column) = (below * piece.rows, beside * piece.columns)
    let extent = Extent(
      rows: min(piece.rows, size.rows - row), columns: min(piece.columns, size.columns - column))
    return (row, column, extent)
  }

  /// The sizes that occur.
  var extents: Set<Extent> { Set((0..<count).map { self[$0].extent }) }
}
