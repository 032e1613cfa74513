import Checkpoints
import GGUF
import Tensors

/// A tensor of a file as the model has it, a row at a time: the elements along its last dimension.
package struct GGUFRows: Sendable {
  package let columns: Int
  private let rows: Rows

  private enum Rows: Sendable {
    /// The few numbers of a vector, or of small matrices.
    case numbers(Tensor)
    /// A matrix as it is stored, and where its rows are if they change places.
    case stored(Tensor, GGUFTensorType, GGUFTensorOutline, places: [Int]?)
  }

  init(numbers: Tensor) {
    columns = numbers.shape.last ?? 1
    rows = .numbers(numbers)
  }

  /// - Parameters:
  ///   - stored: Elements, or bytes of blocks.
  ///   - shape: Rows and columns that the model has.
  init(stored: Tensor, _ type: GGUFTensorType, _ outline: GGUFTensorOutline, shape: [Int]) {
    columns = shape[1]
    var places: [Int]?
    if outline.rows != .asStored {
      places = Array(repeating: 0, count: shape[0])
      for row in 0..<shape[0] { places?[outline.rows.storedRow(row)] = row }
    }
    let matrix = stored.reshaped([shape[0], stored.count / max(shape[0], 1)])
    rows = .stored(matrix, type, outline, places: places)
  }

  package func numbers(ofRow row: Int) -> [Float] {
    switch rows {
    case .numbers(let numbers):
      return numbers.reshaped([numbers.count / max(columns, 1), columns]).slice(row..<row + 1)
        .floats()
    case .stored(let stored, let type, let outline, let places):
      let place = places?[row] ?? row
      let numbers = type.numbers(ofRow: stored.slice(place..<place + 1))
      return outline.columns.undone(in: numbers, perRow: 1).map { outline.function.undone($0) }
    }
  }

  /// Lets go of the memory that reading rows has taken.
  package func releasePages() {
    if case .stored(let stored, _, _, _) = rows { stored.releasePages() }
  }
}
