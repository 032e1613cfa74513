/// Rows of f64 numbers.
package struct Matrix {
  package let rows: Int
  package let columns: Int
  package var elements: [Double]

  package init(rows: Int, columns: Int, elements: [Double]) {
    precondition(elements.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  package init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, elements: Array(repeating: 0, count: rows * columns))
  }

  package init(rows: Int, columns: Int, _ floats: [Float]) {
    self.init(rows: rows, columns: columns, elements: floats.map(Double.init))
  }

  package subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  package static func += (sum: inout Matrix, other: Matrix) {
    precondition(sum.rows == other.rows && sum.columns == other.columns)
    for index in sum.elements.indices { sum.elements[index] += other.elements[index] }
  }
}
