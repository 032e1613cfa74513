/// Rows of f64 numbers.
struct Matrix {
  let rows: Int
  let columns: Int
  var elements: [Double]

  init(rows: Int, columns: Int, elements: [Double]) {
    precondition(elements.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, elements: Array(repeating: 0, count: rows * columns))
  }

  init(rows: Int, columns: Int, _ floats: [Float]) {
    self.init(rows: rows, columns: columns, elements: floats.map(Double.init))
  }

  subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  static func += (sum: inout Matrix, other: Matrix) {
    precondition(sum.rows == other.rows && sum.columns == other.columns)
    for index in sum.elements.indices { sum.elements[index] += other.elements[index] }
  }
}
