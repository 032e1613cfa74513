import Compute
import MatrixProducts
import Recordings

/// Products of any number of rows, made of those of powers of two, and in tiles of columns.
struct GroupedProducts {
  /// The columns of each tile.
  let tiles: [Range<Int>]
  /// By the binary logarithm of the rows; those of whole tiles, and of the last.
  private let whole: [MatrixProduct]
  private let last: [MatrixProduct]

  private static let greatestRows = 512
  private static let greatestColumns = 1024

  /// Prepares the products of up to `rows` rows.
  init(
    _ rows: Int, columns: Int, _ device: CPUDevice,
    shape: (_ rows: Int, _ columns: Int) -> ProductShape
  ) throws {
    tiles = Self.tiles(of: columns)
    func products(_ columns: Int) throws -> [MatrixProduct] {
      var products: [MatrixProduct] = []
      var count = 1
      while count <= min(rows, Self.greatestRows) {
        products.append(try device.product(shape(count, columns), perThread: true))
        count *= 2
      }
      return products
    }
    whole = try products(tiles[0].count)
    last = try products(tiles[tiles.count - 1].count)
  }

  /// Tiles of about the same width, in steps of what the matrix library does at once.
  static func tiles(of columns: Int) -> [Range<Int>] {
    let parts = (columns + greatestColumns - 1) / greatestColumns
    let width = ((columns + parts - 1) / parts + 31) / 32 * 32
    return stride(from: 0, to: columns, by: width).map { $0..<min($0 + width, columns) }
  }

  /// Calls `body` for pieces of `rows` with their product and first row, the largest first.
  ///
  /// - Parameter rest: The products of all pieces but the first; nil: the same.
  func forEach(
    _ rows: Range<Int>, of columns: Range<Int>, rest: GroupedProducts? = nil,
    _ body: (_ product: MatrixProduct, _ row: Int) -> Void
  ) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      let products = row == rows.lowerBound ? self : rest ?? self
      let all = columns.count == tiles[0].count ? products.whole : products.last
      var size = all.count - 1
      while 1 << size > rows.upperBound - row { size -= 1 }
      body(all[size], row)
      row += 1 << size
    }
  }
}
