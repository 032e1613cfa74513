import Execution
import TestSupport
import Testing

@Suite struct TokenErrorsTests {
  private func errors(_ y: [Float], rows: Int, columns: Int) -> TokenErrors {
    var errors = TokenErrors(columns: columns)
    errors.append(
      stride(from: 0, to: rows * columns, by: columns).map { first in
        y[first..<first + columns].reduce(0) { $0 + Double($1) * Double($1) }
      })
    return errors
  }

  @Test func sumsAndMean() {
    let errors = errors([1, 2, 0, -3, 0, 0], rows: 3, columns: 2)
    #expect(errors.sums == [5, 9, 0])
    #expect(errors.mean == 14.0 / 6)
  }

  /// One token in 64, and one of fewer tokens.
  @Test func shareOfFew() {
    var y = [Float](repeating: 1, count: 128)
    #expect(errors(y, rows: 128, columns: 1).shareOfFew == 2.0 / 128)
    y[7] = 30
    y[90] = 40
    #expect(errors(y, rows: 128, columns: 1).shareOfFew == 2500.0 / 2626)
    #expect(errors([3, 1, 0, 0], rows: 4, columns: 1).shareOfFew == 0.9)
    #expect(TokenErrors(columns: 1).shareOfFew == 0)
    for nothing: [Float] in [[0, 0], [.infinity, 1]] {
      #expect(errors(nothing, rows: 2, columns: 1).shareOfFew == 0)
    }
  }
}
