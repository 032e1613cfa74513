package import Recordings

extension Tape {
  /// `(x - m) / sqrt(mean((x - m)^2) + epsilon) * w + b` over groups of columns, with their mean for m or 0.
  /// A weight has an element for each column of a group, or of a row.
  package func norm(
    _ x: Node, _ kind: Normalization, weight: Node?, bias: Node? = nil
  ) -> Node {
    let (size, columns) = (kind.groupSize, x.value.columns)
    let groups = x.value.elements.count / size
    let weights = weight?.value.elements ?? [1]
    // The element of the weight, and the column, of a number of x.
    func place(_ index: Int) -> Int { index % weights.count }
    var normed = x.value
    var inverses: [Double] = []
    for group in 0..<groups {
      let range = group * size..<(group + 1) * size
      let mean =
        kind.isCentered ? x.value.elements[range].reduce(0, +) / Double(size) : 0
      let squares = x.value.elements[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let inverse = 1 / (squares / Double(size) + Double(kind.epsilon)).squareRoot()
      inverses.append(inverse)
      for index in range { normed.elements[index] = (normed.elements[index] - mean) * inverse }
    }
    var y = normed
    for index in y.elements.indices {
      y.elements[index] =
        y.elements[index] * weights[place(index)] + (bias?.value.elements[index % columns] ?? 0)
    }
    return record(y) { dy in
      for index in dy.elements.indices {
        weight?.gradient.elements[place(index)] += dy.elements[index] * normed.elements[index]
        bias?.gradient.elements[index % columns] += dy.elements[index]
      }
      for group in 0..<groups {
        let range = group * size..<(group + 1) * size
        let d = range.map { dy.elements[$0] * weights[place($0)] }
        let mean = kind.isCentered ? d.reduce(0, +) / Double(size) : 0
        let share =
          zip(d, normed.elements[range]).reduce(0) { $0 + $1.0 * $1.1 } / Double(size)
        for (index, d) in zip(range, d) {
          x.gradient.elements[index] +=
            inverses[group] * (d - mean - normed.elements[index] * share)
        }
      }
    }
  }
}
